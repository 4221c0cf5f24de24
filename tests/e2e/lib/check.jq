# For the filters of the cases.

# The entry of a unit in a list of health_analysis.
def unit($list; $name): .health_analysis[$list][] | select(.name == $name);
# Its figures.
def usage($name): .resource_analysis.unit_usage[] | select(.name == $name);
# The messages of its last lines as one text.
def logged: [.recent_logs[].message] | join("\n");
# Findings on a subject.
def findings_on($subject): [.findings[] | select(.subject == $subject)];
# What was not assessed, as one text.
def gaps: [.not_assessed[] | "\(.what): \(.why): \(.hint // "")"] | join("\n");
# The verdict that decides the exit status: something is at or above error.
def problems: [.findings[] | select(.severity == "error" or .severity == "critical")] | length;
