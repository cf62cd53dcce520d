package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// FileText is the text of a file, or its hash alone where it comes from a record: those hold no bodies of files. Its
// JSON is the hash.
type FileText struct {
	text  string
	known bool
	hash  string
}

// NewFileText is a file's text.
func NewFileText(text string) FileText {
	sum := sha256.Sum256([]byte(text))
	return FileText{text: text, known: true, hash: hex.EncodeToString(sum[:])}
}

// textNotRead begins what stands for a text of which only the hash is known.
const textNotRead = "twelvefactor.dev/content-not-read/sha256:"

var textNotReadForm = regexp.MustCompile("^" + regexp.QuoteMeta(textNotRead) + "([0-9a-f]{64})$")

// ParseFileText is NewFileText, or a text of which only the hash is known for what Shown gives of such a one.
func ParseFileText(shown string) FileText {
	if m := textNotReadForm.FindStringSubmatch(shown); m != nil {
		return FileText{hash: m[1]}
	}
	return NewFileText(shown)
}

// Shown is the text, or what stands for it where only its hash is known.
func (f FileText) Shown() string {
	if f.known {
		return f.text
	}
	return textNotRead + f.hash
}

// FileNotRead finds a config file of which only the hash is known, which cannot be written.
func FileNotRead(a App) (file string, found bool) {
	for _, file := range slices.Sorted(maps.Keys(a.ConfigFiles)) {
		if !a.ConfigFiles[file].known {
			return file, true
		}
	}
	return "", false
}

// Hash is the SHA-256 of the text, in hexadecimal.
func (f FileText) Hash() string { return f.hash }

// Text gives the text; ok is false where only its hash is known.
func (f FileText) Text() (text string, ok bool) { return f.text, f.known }

// Equal tells whether two texts are the same.
func (f FileText) Equal(other FileText) bool { return f.hash == other.hash }

// MarshalJSON writes the hash.
func (f FileText) MarshalJSON() ([]byte, error) { return json.Marshal(f.hash) }

// UnmarshalJSON reads a hash.
func (f *FileText) UnmarshalJSON(encoded []byte) error {
	*f = FileText{}
	return json.Unmarshal(encoded, &f.hash)
}

// FilesHash identifies the config files, paths and contents: 12 hexadecimal characters.
func FilesHash(a App) string { return contentHash(a.ConfigFiles) }

// SecretFilesHash identifies the set of secret versions under their paths: 12 hexadecimal characters.
func SecretFilesHash(a App) string { return contentHash(a.SecretFiles) }

// FileMount is a directory of files that come from one secret: what Cloud Run mounts. Nothing else that the image has in
// that directory can be seen.
type FileMount struct {
	Dir string
	// Secret is the full name of the secret, empty for the one that the service writes its config files into.
	Secret string
	// Paths are the files, sorted.
	Paths []string
}

// Relative is a file's path within the mount.
func (m FileMount) Relative(file string) string {
	return strings.TrimPrefix(strings.TrimPrefix(file, m.Dir), "/")
}

// FileMounts lists the mounts of an app's files, by directory. Directories within one another that come from the same
// secret are one mount: a directory that is mounted cannot take another mount.
func FileMounts(a App) []FileMount {
	bySecret := map[string][]string{}
	for _, file := range slices.Sorted(maps.Keys(a.ConfigFiles)) {
		bySecret[""] = append(bySecret[""], file)
	}
	for _, file := range sortedKeys(a.SecretFiles) {
		secret, _, _ := strings.Cut(a.SecretFiles[file], "/versions/")
		bySecret["secret "+secret] = append(bySecret["secret "+secret], file)
	}
	var all []FileMount
	for _, key := range slices.Sorted(maps.Keys(bySecret)) {
		for _, m := range mountsOf(bySecret[key]) {
			m.Secret = strings.TrimPrefix(key, "secret ")
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(x, y FileMount) int { return strings.Compare(x.Dir, y.Dir) })
	return all
}

// mountsOf puts the files of one secret into as few directories as hold them all.
func mountsOf(files []string) []FileMount {
	var mounts []FileMount
	dirs := map[string]bool{}
	for _, file := range files {
		dirs[path.Dir(file)] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) { // an outer directory comes before what is in it
		if !slices.ContainsFunc(mounts, func(m FileMount) bool { return inside(dir, m.Dir) }) {
			mounts = append(mounts, FileMount{Dir: dir})
		}
	}
	for _, file := range files {
		for i := range mounts {
			if dir := path.Dir(file); dir == mounts[i].Dir || inside(dir, mounts[i].Dir) {
				mounts[i].Paths = append(mounts[i].Paths, file)
			}
		}
	}
	return mounts
}

// inside tells whether a clean path is below a directory.
func inside(file, dir string) bool {
	return file != dir && strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
}
