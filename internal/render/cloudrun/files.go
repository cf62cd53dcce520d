package cloudrun

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// FilesAnnotation says which versions of the service's own secret hold its config files: the version by the hash of the
// text.
const FilesAnnotation = "twelvefactor.dev/files"

// FileVersions are the versions of the service's own secret by the hash of the text that they hold.
type FileVersions map[string]string

// FileVersionsOf reads the annotation. What is not there, or cannot be read, is no version: its file is written again.
func FileVersionsOf(annotations map[string]string) FileVersions {
	var versions FileVersions
	if json.Unmarshal([]byte(annotations[FilesAnnotation]), &versions) != nil {
		return nil
	}
	return versions
}

// fileVolumes are the directories of files and their mounts. A volume is one secret, with a file for each version that it
// is given; the root of the mount is the directory, and hides what the image has there.
func fileVolumes(in Input) (volumes []*runpb.Volume, mounts []*runpb.VolumeMount) {
	count := map[bool]int{}
	for _, m := range app.FileMounts(in.App) {
		own := m.Secret == ""
		name := map[bool]string{true: "config-files-", false: "secret-files-"}[own] + strconv.Itoa(count[own])
		count[own]++
		source := &runpb.SecretVolumeSource{Secret: names.FilesSecret(in.App.Name, in.App.CloudRun.Location)}
		for _, file := range m.Paths {
			version := in.Files[in.App.ConfigFiles[file].Hash()]
			if !own {
				ref := secretRef(in, in.App.SecretFiles[file])
				source.Secret, version = ref.GetSecret(), ref.GetVersion()
			}
			source.Items = append(source.Items, &runpb.VersionToPath{Path: m.Relative(file), Version: version})
		}
		volumes = append(volumes, &runpb.Volume{Name: name, VolumeType: &runpb.Volume_Secret{Secret: source}})
		mounts = append(mounts, &runpb.VolumeMount{Name: name, MountPath: m.Dir})
	}
	return volumes, mounts
}

// seenVersion is the full name of a version.
func seenVersion(id names.RunServiceID, secret, version string) string {
	if !strings.Contains(secret, "/") {
		secret = "projects/" + id.Project + "/secrets/" + secret
	}
	return secret + "/versions/" + version
}

// seenFiles are the secret volumes of a service that another tool made: path of the file to version. Without items there
// is one file, which has the name of the secret and its latest version.
func seenFiles(id names.RunServiceID, volumes []*runpb.Volume, mounts []*runpb.VolumeMount) map[string]string {
	files := map[string]string{}
	for _, m := range mounts {
		for _, v := range volumes {
			source := v.GetSecret()
			if source == nil || v.GetName() != m.GetName() {
				continue
			}
			items := source.GetItems()
			if len(items) == 0 {
				items = []*runpb.VersionToPath{{Path: path.Base(source.GetSecret()), Version: names.LatestVersion}}
			}
			for _, item := range items {
				files[path.Join(m.GetMountPath(), item.GetPath())] = seenVersion(id, source.GetSecret(), item.GetVersion())
			}
		}
	}
	return files
}
