# METADATA
# title: Rules of a policy
# description: Questions about one rule of the facts document.
# scope: package
package hauberk.lib.rules

# Where the action that counts for the rule is written; the spec when it is written nowhere.
action_pointer(rule) := $"{rule.pointer}/action" if rule.actionLevel == "rule"

action_pointer(rule) := $"/spec/{rule.section}/action" if rule.actionLevel == "section"

action_pointer(rule) := "/spec/action" if rule.actionLevel == "spec"

action_pointer(rule) := "/spec" if rule.actionLevel == "default"

# Where the rule says what it is about: a place of its own even if it inherits its action.
subject_pointer(rule) := rule.targets[0].pointer if count(rule.targets) > 0

subject_pointer(rule) := rule.values[0].pointer if {
	count(rule.targets) == 0
	count(rule.values) > 0
}

subject_pointer(rule) := rule.pointer if {
	count(rule.targets) == 0
	count(rule.values) == 0
}

# The text that says best what the rule is about; its id when it names nothing.
subject(rule) := rule.targets[0].text if count(rule.targets) > 0

subject(rule) := rule.values[0].text if {
	count(rule.targets) == 0
	count(rule.values) > 0
}

subject(rule) := rule.id if {
	count(rule.targets) == 0
	count(rule.values) == 0
}

# Its action is decided in the kernel: Audit only reports, another word does nothing.
decides(rule) if rule.action in {"Allow", "Block"}

# The rule lets pass or denies without asking who, how or from where.
unconditional(rule) if {
	rule.sources == []
	not rule.readOnly
	not rule.ownerOnly
	rule.allowedArgs == []
	rule.pts != false
}

# Position of a problem, for findings whose pointer cannot say the place.
placed(problem) := {"position": problem.position} if problem.position != null

placed(problem) := {} if problem.position == null
