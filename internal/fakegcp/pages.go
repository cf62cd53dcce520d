package fakegcp

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
)

// maxPage is the most that one page of a list holds, and the default.
const maxPage = 1000

// page cuts a list for a request; the token is the index at which the next page begins.
func page[T any](all []T, size int32, token string) (items []T, next string, err error) {
	start := 0
	if token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(all) {
			return nil, "", invalid("Invalid page token.")
		}
	}
	if size < 0 {
		return nil, "", invalid("Page size must not be negative.")
	}
	if size == 0 || size > maxPage {
		size = maxPage
	}
	end := min(start+int(size), len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}

// listPage is a page of copies of the members of a collection that keep takes, by name, and their number on all pages. Only
// the page is copied: collections have thousands of members.
func listPage[T proto.Message](st *store, collection string, keep func(T) bool, size int32, token string) (items []T, next string, total int32, err error) {
	all := members[T](st, collection)
	if keep != nil {
		all = slices.DeleteFunc(all, func(m T) bool { return !keep(m) })
	}
	items, next, err = page(all, size, token)
	if err != nil {
		return nil, "", 0, err
	}
	copies := make([]T, len(items))
	for i, m := range items {
		copies[i] = proto.CloneOf(m)
	}
	return copies, next, int32(len(all)), nil
}
