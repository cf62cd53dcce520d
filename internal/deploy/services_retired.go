package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// serviceRetiredAnnotation holds what an unfinished update still has to take away: a serviceRetired.
const serviceRetiredAnnotation = "twelvefactor.dev/retired"

// serviceRetired is what earlier releases had and the declared one does not. It is written down before the record of
// the earlier release is replaced, so that an interrupted update leaves no grant and no worker pool behind.
type serviceRetired struct {
	// Grants are the secrets that an identity may not read any more.
	Grants    map[string][]string `json:"grants,omitempty"`
	Processes []string            `json:"processes,omitempty"`
	Invokers  []string            `json:"invokers,omitempty"`
}

// serviceIdentity is who an app runs as: a Kubernetes service account on GKE, the email of a Google one on Cloud Run.
func serviceIdentity(a app.App) string {
	if a.GKE != nil {
		return gke.ServiceAccount(a)
	}
	if a.Identity != "" {
		return a.Identity
	}
	return serviceOwnIdentity(a)
}

// serviceOwnIdentity is the identity that the service makes unless it is given one.
func serviceOwnIdentity(a app.App) string {
	if a.GKE != nil {
		return names.KubeServiceAccount(a.Name)
	}
	return names.ServiceAccountEmail(a.CloudRun.Project, serviceAccountID(a))
}

// serviceAccountID tells the location too, because the accounts of all locations are in one project.
func serviceAccountID(a app.App) string {
	return names.ServiceAccountID(a.Name + "-" + a.CloudRun.Location)
}

// plus adds what before has and after does not.
func (r serviceRetired) plus(before, after app.App) serviceRetired {
	grants := map[string][]string{}
	for identity, secrets := range r.Grants {
		grants[identity] = slices.Clone(secrets)
	}
	identity := serviceIdentity(before)
	grants[identity] = append(grants[identity], serviceSecrets(before)...)
	for who, secrets := range grants {
		kept := []string{}
		if who == serviceIdentity(after) {
			kept = serviceSecrets(after)
		}
		if grants[who] = serviceOtherSecrets(secrets, kept); len(grants[who]) == 0 {
			delete(grants, who)
		}
	}
	return serviceRetired{
		Grants:    grants,
		Processes: serviceWithout(slices.AppendSeq(slices.Clone(r.Processes), maps.Keys(before.Processes)), slices.Collect(maps.Keys(after.Processes))),
		Invokers:  serviceWithout(append(slices.Clone(r.Invokers), serviceInvokers(before)...), serviceInvokers(after)),
	}
}

// serviceOtherSecrets leaves out the kept secrets also where one name has the project's id and the other its number:
// they may be the same secret, and a grant too many is better than a revision that cannot start.
func serviceOtherSecrets(all, kept []string) []string {
	return serviceWithout(slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		one, errOne := names.ParseSecretID(name)
		return errOne == nil && slices.ContainsFunc(kept, func(other string) bool {
			two, err := names.ParseSecretID(other)
			return err == nil && one.Name == two.Name && one.Location == two.Location && serviceIsNumber(one.Project) != serviceIsNumber(two.Project)
		})
	}), kept)
}

func serviceIsNumber(project string) bool { return strings.Trim(project, "0123456789") == "" }

func serviceWithout(all, kept []string) []string {
	left := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(kept, s) })
	slices.Sort(left)
	return slices.Compact(left)
}

func (r serviceRetired) isEmpty() bool {
	return len(r.Grants) == 0 && len(r.Processes) == 0 && len(r.Invokers) == 0
}

func (r serviceRetired) encode() (string, error) {
	encoded, err := json.Marshal(r)
	return string(encoded), err
}

// serviceRetiredOf reads the annotation; unfinished tells that there is one. Anybody who may change the object can
// write it, so names that are none go no further.
func serviceRetiredOf(annotations map[string]string) (retired serviceRetired, unfinished bool, err error) {
	encoded, unfinished := annotations[serviceRetiredAnnotation]
	if !unfinished {
		return serviceRetired{}, false, nil
	}
	if json.Unmarshal([]byte(encoded), &retired) != nil {
		return serviceRetired{}, true, errors.New("the annotation " + serviceRetiredAnnotation + " is not what this provider writes")
	}
	for identity, secrets := range retired.Grants {
		retired.Grants[identity] = slices.DeleteFunc(secrets, func(s string) bool { _, err := names.ParseSecretID(s); return err != nil })
		if strings.ContainsAny(identity, "/:[] ") {
			delete(retired.Grants, identity)
		}
	}
	retired.Processes = slices.DeleteFunc(retired.Processes, func(s string) bool { return app.CheckProcessName(s) != nil })
	return retired, true, nil
}

// serviceTakeBack revokes grants by identity. An identity that was given to the service may be shared: another service
// with it may need the access, so it keeps it, and a notice says so.
func (c *Cloud) serviceTakeBack(
	ctx context.Context, a app.App, grants map[string][]string, member func(context.Context, string) (string, error),
) ([]Notice, error) {
	var notices []Notice
	for _, identity := range slices.Sorted(maps.Keys(grants)) {
		who, err := member(ctx, identity)
		if err != nil {
			return notices, err
		}
		secrets := grants[identity]
		if identity != serviceOwnIdentity(a) {
			var shared []string
			if secrets, shared = serviceOwnSecrets(a, secrets); len(shared) > 0 {
				notices = append(notices, serviceKept(who, shared))
			}
		}
		if err := c.serviceRevoke(ctx, who, secrets); err != nil {
			return notices, err
		}
	}
	return notices, nil
}

func serviceKept(member string, secrets []string) Notice {
	return Notice{
		Summary: "A shared identity keeps access to secrets",
		Detail: fmt.Sprintf("%s was given to the service with the attribute identity, so others may use it too, and it keeps %s on %s. "+
			"Take it back by hand if nobody needs it.", member, serviceAccessor, strings.Join(secrets, ", ")),
	}
}

// serviceInvokers lists the members that may call an app on Cloud Run.
func serviceInvokers(a app.App) []string {
	if a.CloudRun == nil {
		return nil
	}
	invokers := slices.Clone(a.CloudRun.Invokers)
	if a.CloudRun.Public {
		invokers = append(invokers, "allUsers")
	}
	slices.Sort(invokers)
	return slices.Compact(invokers)
}
