package main

import (
	"sort"
	"time"
)

// One person, joined of all identifiers.
type person struct {
	id                  string
	member, ask, detail *register
	label, parent       *register
	number              *register
}

type object = map[string]interface{}

// The group as `GET /v1/groups/{group_id}` shows it; nil where nothing is known but that somebody should look.
func (g *group) view() object {
	if !g.isShown() {
		return nil
	}
	isGone := g.exists != nil && g.exists.number == gone
	members, waiting := []interface{}{}, []interface{}{}
	membersDoubt, waitingDoubt := false, false
	if !isGone {
		members, membersDoubt, waiting, waitingDoubt = g.people()
	}
	inDoubt := []interface{}{}
	for _, field := range []struct {
		name  string
		doubt bool
	}{
		{"existence", doubted(g.exists) || isGone && g.outlived()},
		{"suspended", doubted(g.suspended)},
		{"subject", doubted(g.subject)},
		{"description", doubted(g.description)},
		{"join_approval_mode", doubted(g.approval)},
		{"invite_link", doubted(g.invite)},
		{"picture_sha256", doubted(g.picture)},
		{"participants", membersDoubt},
		{"join_requests", waitingDoubt},
	} {
		if field.doubt {
			inDoubt = append(inDoubt, field.name)
		}
	}
	shown := object{
		"group_id":           g.state.id,
		"phone_number_id":    text(g.number),
		"waba_id":            text(g.waba),
		"existence":          "unconfirmed",
		"suspended":          nil,
		"subject":            text(g.subject),
		"description":        text(g.description),
		"join_approval_mode": text(g.approval),
		"invite_link":        text(g.invite),
		"picture_sha256":     text(g.picture),
		"created_at":         nil,
		"participants":       members,
		"participant_count":  float64(len(members)),
		"join_requests":      waiting,
		"in_doubt":           inDoubt,
		"verified_at":        second(g.verified),
		"changed_at":         second(g.changed),
		"version":            nil,
		"position":           g.state.position.String(),
	}
	if g.exists != nil {
		shown["existence"] = map[bool]string{false: "active", true: "gone"}[isGone]
	}
	if g.suspended != nil {
		shown["suspended"] = g.suspended.number != 0
	}
	if g.created != nil {
		shown["created_at"] = rfc3339(g.created.number)
	}
	if g.state.version != nil {
		shown["version"] = g.state.version.String()
	}
	if g.overflow {
		shown["overflow"] = true
	}
	return shown
}

func text(r *register) interface{} {
	if r == nil {
		return nil
	}
	return r.text
}

func optional(text *string) interface{} {
	if text == nil {
		return nil
	}
	return *text
}

// A floor: 0 is never.
func second(at int64) interface{} {
	if at == 0 {
		return nil
	}
	return rfc3339(at)
}

func rfc3339(at int64) string {
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}

func doubted(r *register) bool {
	return r != nil && r.doubt
}

func (g *group) isShown() bool {
	for _, r := range []*register{g.exists, g.subject, g.description, g.picture, g.invite, g.approval, g.suspended, g.created} {
		if r != nil {
			return true
		}
	}
	return len(g.member) > 0 || len(g.ask) > 0 || g.roster > 0 || g.asks > 0
}

// Is there evidence of more than a read that is newer than the group's going?
func (g *group) outlived() bool {
	singles := []*register{g.number, g.waba, g.subject, g.description, g.picture, g.invite, g.approval, g.suspended, g.created, g.hint, g.unlisted}
	for _, each := range [][]register{g.member, g.ask, g.detail, g.is, g.label, g.parent} {
		for i := range each {
			singles = append(singles, &each[i])
		}
	}
	for _, r := range singles {
		if r != nil && r.rank >= 2 && r.at > g.exists.at {
			return true
		}
	}
	return false
}

// Who is in the group and who waits, and whether either is in doubt.
func (g *group) people() (members []interface{}, membersDoubt bool, waiting []interface{}, waitingDoubt bool) {
	members, waiting = []interface{}{}, []interface{}{}
	all := g.persons()
	withoutNumber := false
	for _, p := range all {
		membersDoubt = membersDoubt || doubted(p.member)
		if p.isMember() {
			shown := p.show()
			withoutNumber = withoutNumber || shown["wa_id"] == nil
			members = append(members, shown)
		} else {
			waiting, waitingDoubt = wait(p, all, waiting, waitingDoubt)
		}
	}
	for _, link := range g.is {
		membersDoubt = membersDoubt || link.doubt
	}
	// A number without a known user id, and a member without a known number, may be one person.
	for _, r := range g.member {
		membersDoubt = membersDoubt || withoutNumber && r.at > g.roster && isNumber(g.resolve(r.id))
	}
	return members, membersDoubt, waiting, waitingDoubt
}

// Shows the open ask of who is not a member, once per join request.
func wait(p *person, all []*person, waiting []interface{}, doubt bool) ([]interface{}, bool) {
	ask := p.ask
	if ask == nil {
		return waiting, doubt
	}
	if p.detail != nil && (ask.number == open || ask.doubt) {
		for _, other := range all {
			if other.id != p.detail.text && (other.detail == nil || other.detail.text != p.detail.text) {
				continue
			}
			if other.isMember() {
				return waiting, doubt
			}
			if other.ask != nil {
				ask = join(ask, *other.ask)
			}
		}
	}
	doubt = doubt || ask.doubt
	if ask.number != open {
		return waiting, doubt
	}
	shown := p.show()
	delete(shown, "parent_user_id")
	shown["join_request_id"], shown["requested_at"] = nil, nil
	if p.detail != nil {
		shown["join_request_id"], shown["requested_at"] = p.detail.text, rfc3339(p.detail.number)
		if p.detail.text == p.id {
			// Meta named nobody.
			shown["wa_id"], shown["user_id"], shown["username"] = nil, nil, nil
		}
		for _, other := range waiting {
			held := other.(object)
			if held["join_request_id"] != shown["join_request_id"] {
				continue
			}
			for _, name := range []string{"wa_id", "user_id", "username"} {
				if held[name] == nil {
					held[name] = shown[name]
				}
			}
			return waiting, doubt
		}
	}
	return append(waiting, shown), doubt
}

func (p *person) isMember() bool {
	return p.member != nil && p.member.number == present
}

func (p *person) show() object {
	shown := object{"wa_id": nil, "user_id": nil, "parent_user_id": text(p.parent), "username": text(p.label)}
	if isNumber(p.id) {
		shown["wa_id"] = p.id
	} else {
		shown["user_id"] = p.id
		if p.number != nil {
			shown["wa_id"] = p.number.id
		}
	}
	if p.detail != nil && !p.isMember() {
		if p.parent == nil {
			shown["parent_user_id"] = optional(p.detail.parent)
		}
		if p.label == nil {
			shown["username"] = optional(p.detail.username)
		}
	}
	return shown
}

// Everybody that a register is about, in order of the identifier that stands for each.
func (g *group) persons() []*person {
	byID := map[string]*person{}
	of := func(r register) *person {
		id := g.resolve(r.id)
		if byID[id] == nil {
			byID[id] = &person{id: id}
		}
		return byID[id]
	}
	for _, r := range g.member {
		p := of(r)
		p.member = join(p.member, r)
	}
	for _, r := range g.ask {
		p := of(r)
		p.ask = join(p.ask, r)
	}
	for _, r := range g.detail {
		p := of(r)
		p.detail = join(p.detail, r)
	}
	for _, r := range g.label {
		p := of(r)
		p.label = join(p.label, r)
	}
	for _, r := range g.parent {
		p := of(r)
		p.parent = join(p.parent, r)
	}
	// The number shown of a person: the one with the youngest link, then the greatest.
	for i := range g.is {
		link := &g.is[i]
		p := byID[g.resolve(link.id)]
		if p == nil || !isNumber(link.id) || isNumber(link.text) {
			continue
		}
		if p.number == nil || p.number.age(link) < 0 || p.number.age(link) == 0 && p.number.id < link.id {
			p.number = link
		}
	}
	all := make([]*person, 0, len(byID))
	for _, p := range byID {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].id < all[j].id })
	return all
}
