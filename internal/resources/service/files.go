package service

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func fileAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"config_files": schema.MapAttribute{
			MarkdownDescription: "Files of config of all processes, not of sidecars: absolute path to content, which is text. The content can be read in plan and state; " +
				"for secrets there is `secret_files`. A change makes a new release. On GKE the files are an immutable ConfigMap (1 MiB in all) and " +
				"each is mounted, read-only, at its path, beside what the image has in that directory. On Cloud Run they are versions of one secret " +
				"that the service writes, `NAME-LOCATION-files` (64 KiB and at least one byte each), and the directories of the files are mounted: " +
				"what the image has in them cannot be seen, so give the files directories of their own, such as `/etc/app`. Directories of the " +
				"image itself, such as `/etc`, and paths in `scratch` are refused. Of a service on Cloud Run the contents are not " +
				"read: an import, until the next change, and the data source show a hash of each. Default: none.",
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
		"secret_files": schema.MapAttribute{
			MarkdownDescription: "Secret files of all processes, not of sidecars: absolute path to secret version, " +
				"`projects/PROJECT/secrets/SECRET/versions/NUMBER`, as " +
				"for `secrets`. Values never enter Terraform, and the provider does not read them: the app's own identity does. Any bytes can be a " +
				"file, `raw` session keys among them. On GKE the cluster needs the Secret Manager add-on (`secret_manager_csi = true` of " +
				"`twelvefactor_cluster`), the secret may be a regional one, and each file is mounted at its path. On Cloud Run the files' directories " +
				"are mounted, each from one secret: files of different secrets, and `config_files`, need directories of their own, side by side. " +
				"Default: none.",
			ElementType: types.StringType, Optional: true, Validators: noNulls(),
		},
	}
}

// expandFiles gives the config files. The paths are always there; the content of one that is unknown is empty.
func expandFiles(m types.Map) map[string]app.FileText {
	texts := tf.Strings(m)
	if texts == nil {
		return nil
	}
	files := make(map[string]app.FileText, len(texts))
	for file, text := range texts {
		files[file] = app.ParseFileText(text)
	}
	return files
}

// files keeps the contents that prior has for files that are the same.
func (f *flattener) files(files map[string]app.FileText, prior types.Map) types.Map {
	before := expandFiles(prior)
	texts := make(map[string]string, len(files))
	for file, content := range files {
		if known, there := before[file]; there && known.Equal(content) {
			content = known
		}
		texts[file] = content.Shown()
	}
	return f.stringMap(texts, prior)
}

// sameFiles tells whether two values of config_files, in which everything is known, mean the same files: an import leaves
// hashes of contents that it does not read.
func sameFiles(a, b types.Map) bool {
	if a.IsNull() != b.IsNull() || a.IsUnknown() || slices.ContainsFunc(slices.Collect(maps.Values(a.Elements())), attr.Value.IsUnknown) {
		return false
	}
	return maps.EqualFunc(expandFiles(a), expandFiles(b), app.FileText.Equal)
}

// checkFiles refuses a configuration that has copied what an import leaves for a content that it did not read.
func checkFiles(m model, diags *diag.Diagnostics) {
	for _, file := range slices.Sorted(maps.Keys(m.ConfigFiles.Elements())) {
		text, _ := m.ConfigFiles.Elements()[file].(types.String)
		if _, known := app.ParseFileText(text.ValueString()).Text(); known {
			continue
		}
		diags.AddAttributeError(path.Root("config_files").AtMapKey(file), "Content is not known", fmt.Sprintf(
			"What stands here for the content of %q is what an import leaves for a content that it did not read: its hash. Write the content itself, for "+
				"example file(\"${path.module}/app.conf\").", file))
	}
}
