package gcp

import (
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/type/expr"
)

// addGrant puts a grant into the policy and tells whether that changed it. Bindings and members that were there keep
// their place and their spelling, members of deleted accounts included.
func addGrant(policy *iampb.Policy, g Grant) bool {
	if policyHas(policy, g) {
		return false
	}
	for _, b := range policy.GetBindings() {
		if sameBinding(b, g) {
			b.Members = append(b.Members, g.Member)
			return true
		}
	}
	policy.Bindings = append(policy.Bindings, &iampb.Binding{
		Role: g.Role, Members: []string{g.Member}, Condition: g.Condition.expr(),
	})
	return true
}

// removeGrant takes a grant out of the policy and tells whether that changed it. A binding that loses its last
// member goes, because IAM refuses empty ones.
func removeGrant(policy *iampb.Policy, g Grant) bool {
	changed := false
	policy.Bindings = slices.DeleteFunc(policy.Bindings, func(b *iampb.Binding) bool {
		if !sameBinding(b, g) {
			return false
		}
		before := len(b.GetMembers())
		b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return sameMember(m, g.Member) })
		changed = changed || len(b.Members) != before
		return len(b.Members) == 0 && before > 0
	})
	return changed
}

// policyHas tells whether a grant is in the policy.
func policyHas(policy *iampb.Policy, g Grant) bool {
	return slices.ContainsFunc(policy.GetBindings(), func(b *iampb.Binding) bool {
		return sameBinding(b, g) && slices.ContainsFunc(b.GetMembers(), func(m string) bool { return sameMember(m, g.Member) })
	})
}

func sameBinding(b *iampb.Binding, g Grant) bool {
	if b.GetRole() != g.Role || (b.GetCondition() == nil) != (g.Condition == nil) {
		return false
	}
	c := b.GetCondition()
	return g.Condition == nil ||
		*g.Condition == Condition{Title: c.GetTitle(), Description: c.GetDescription(), Expression: c.GetExpression()}
}

// sameMember compares as IAM does: it lowers the case of email addresses, principals keep theirs.
func sameMember(a, b string) bool {
	if strings.HasPrefix(a, "principal") || strings.HasPrefix(b, "principal") {
		return a == b
	}
	return strings.EqualFold(a, b)
}

func conditionOf(b *iampb.Binding) *Condition {
	c := b.GetCondition()
	if c == nil {
		return nil
	}
	return &Condition{Title: c.GetTitle(), Description: c.GetDescription(), Expression: c.GetExpression()}
}

// DeletedMember is how policies show a service account that was deleted.
// Source: google/iam/v1/policy.proto, Binding.members.
func DeletedMember(email, uniqueID string) string {
	return "deleted:serviceAccount:" + email + "?uid=" + uniqueID
}

// deletedAccountID takes the unique id out of the member of a deleted account of that email.
func deletedAccountID(member, email string) (id string, ok bool) {
	account, id, found := strings.Cut(member, "?uid=")
	return id, found && id != "" && strings.EqualFold(account, "deleted:serviceAccount:"+email)
}

func (c *Condition) expr() *expr.Expr {
	if c == nil {
		return nil
	}
	return &expr.Expr{Title: c.Title, Description: c.Description, Expression: c.Expression}
}
