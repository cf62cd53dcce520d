package fakegcp

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// systemParameters are query parameters of every Google API; each may also be written with a $ before it. Those that
// systemOf does not read have no effect here: keys, quotas, what an upload is.
// Source: https://cloud.google.com/apis/docs/system-parameters.
var systemParameters = []string{
	".xgafv", "access_token", "alt", "apiVersion", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
	"uploadType", "upload_protocol", "userProject",
}

// dollarOnly are system parameters that have no form without the $: a method may have a field of that name.
var dollarOnly = []string{".xgafv", "apiVersion"}

// system is what the system parameters of a request ask for.
type system struct {
	enumNumbers, compact bool
	fields               string
	token                string
}

func isSystemParameter(name string) bool {
	plain, dollar := strings.CutPrefix(name, "$")
	return slices.Contains(systemParameters, plain) && (dollar || !slices.Contains(dollarOnly, plain))
}

// systemOf reads system parameters from the query and the headers; the query wins.
func systemOf(r *http.Request, query url.Values) (system, error) {
	get := func(name string) string {
		if v := query.Get("$" + name); v != "" {
			return v
		}
		return query.Get(name)
	}
	o := system{fields: get("fields"), token: get("access_token")}
	if o.fields == "" {
		o.fields = r.Header.Get("X-Goog-Fieldmask")
	}
	o.fields = strings.ToValidUTF8(o.fields, "\ufffd") // what is refused is quoted
	if o.token == "" {
		o.token = get("oauth_token")
	}
	if get("callback") != "" {
		return o, unmodelled("the system parameter callback: answers are JSON, never scripts")
	}
	kind, option, _ := strings.Cut(get("alt"), ";")
	switch kind {
	case "", "json":
	case "media", "proto":
		return o, unmodelled("the system parameter alt=%s: answers are JSON", kind)
	default:
		return o, invalid("Invalid value for alt: %q. Want json.", kind)
	}
	o.enumNumbers = option == "enum-encoding=int"
	o.compact = slices.Contains([]string{"false", "0"}, get("prettyPrint"))
	return o, nil
}

// methodOf is the verb that a request means: POST stands for another with X-HTTP-Method-Override.
func methodOf(r *http.Request) string {
	if over := r.Header.Get("X-Http-Method-Override"); over != "" && r.Method == http.MethodPost {
		return strings.ToUpper(over)
	}
	return r.Method
}

// queryOf is a request's parameters. Those in a form's body count too; that is how a GET is sent that is too long for a URL.
// A pair that cannot be decoded is refused.
func queryOf(r *http.Request) (query url.Values, form bool, err error) {
	query, err = url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, ";", "%3B")) // a semicolon separates nothing
	if err != nil {
		return nil, false, invalid("Invalid query string.")
	}
	kind, err := contentType(r)
	if err != nil || kind != formContent {
		return query, false, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, false, err
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false, invalid("Invalid form in the request body.")
	}
	for name, values := range sent {
		query[name] = append(query[name], values...)
	}
	return query, true, nil
}

const (
	jsonContent = "application/json"
	formContent = "application/x-www-form-urlencoded"
)

// contentType is what a body is: JSON, also when nothing is said, or a form.
func contentType(r *http.Request) (string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" || r.ContentLength == 0 {
		return jsonContent, nil
	}
	kind, _, err := mime.ParseMediaType(header)
	switch {
	case err != nil:
		return "", invalid("Invalid Content-Type.")
	case kind == jsonContent, strings.HasSuffix(kind, "+json"):
		return jsonContent, nil
	case kind == formContent:
		return formContent, nil
	default:
		return "", invalid("Unsupported Content-Type: %s. Want %s.", kind, jsonContent)
	}
}
