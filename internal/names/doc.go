// Package names holds every name that the provider generates, every full name that it parses, the rules that the
// APIs have for names, and the ownership stamp.
//
// Generated names are a function of what the user declared, so that any run finds again what an earlier one made.
// A name that is cut to fit a limit always carries a hash of the whole, so that two long names never become one.
package names
