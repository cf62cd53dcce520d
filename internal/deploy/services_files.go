package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// serviceFilesSecret is the secret that an app on Cloud Run keeps its config files in; ok is false elsewhere.
func serviceFilesSecret(a app.App) (id names.SecretID, ok bool) {
	if a.CloudRun == nil {
		return names.SecretID{}, false
	}
	return names.SecretID{Project: a.CloudRun.Project, Name: names.FilesSecret(a.Name, a.CloudRun.Location)}, true
}

// serviceFilesKnown refuses to write config files of which only the hash is known. It happens when the state of an import
// is applied without a configuration of its own.
func serviceFilesKnown(a app.App) error {
	file, found := app.FileNotRead(a)
	if !found {
		return nil
	}
	return &Error{
		Summary:   fmt.Sprintf("The content of %s is not known", names.Quote(file)),
		Why:       "It is what an import leaves for a file whose content it did not read: only its hash is known. Nothing was changed",
		Fix:       "Write the file's content into config_files, for example with file(\"${path.module}/app.conf\")",
		Attribute: []string{"config_files", file},
	}
}

// serviceRegional refuses regional secrets on Cloud Run.
func serviceRegional(a app.App) error {
	if a.Runtime() != app.CloudRunRuntime {
		return nil
	}
	for _, use := range app.RegionalSecrets(a) {
		return serviceRegionalError(use.Env, use.Version, use.Path())
	}
	for _, file := range app.RegionalSecretFiles(a) {
		return serviceRegionalError(file, a.SecretFiles[file], []string{"secret_files", file})
	}
	return nil
}

func serviceRegionalError(of, version string, attribute []string) error {
	return &Error{
		Summary: "Cloud Run cannot use a regional secret",
		Why: fmt.Sprintf("The secret of %s, %s, is regional, and Cloud Run's API names global secrets only. Nothing was changed",
			names.Quote(of), version),
		Fix:       "Refer to a secret without location, which replicas can keep in that region too, or run the app on GKE",
		Attribute: attribute,
	}
}

// checkSecretFileVersions refuses versions that cannot be mounted, by their state: no value is read for it. Who may not
// look is not told, and learns it from the rollout.
func (c *Cloud) checkSecretFileVersions(ctx context.Context, a app.App) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, file := range slices.Sorted(maps.Keys(a.SecretFiles)) {
		group.Go(func() error {
			version, err := c.GCP.SecretVersions().Get(ctx, a.SecretFiles[file])
			switch {
			case gcp.IsNotFound(err):
				return secretFileError(file, a.SecretFiles[file], "does not exist", "Name a version that exists, for example the version_id of a twelvefactor_secret", err)
			case serviceHidden(err):
				return nil
			case err != nil:
				return err
			case version.GetState() != secretmanagerpb.SecretVersion_ENABLED:
				return secretFileError(file, a.SecretFiles[file], "is "+version.GetState().String(), secretGoneFix, nil)
			}
			return nil
		})
	}
	return group.Wait()
}

func secretFileError(file, version, what, fix string, err error) error {
	return &Error{
		Summary:   fmt.Sprintf("The secret version for %s cannot be mounted", names.Quote(file)),
		Why:       version + " " + what + ". Nothing was changed",
		Fix:       fix,
		Attribute: []string{"secret_files", file}, Err: err,
	}
}

// serviceOwnSecrets divides secrets into those that only this service uses and others.
func serviceOwnSecrets(a app.App, secrets []string) (own, others []string) {
	files, _ := serviceFilesSecret(a)
	for _, name := range secrets {
		if name == files.String() && a.CloudRun != nil {
			own = append(own, name)
		} else {
			others = append(others, name)
		}
	}
	return own, others
}
