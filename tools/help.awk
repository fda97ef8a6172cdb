# Prints the commands of a Makefile: "##@ Group" lines, and "target: … ## what it does" lines.
BEGIN { FS = ":.*## " }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $1, $2 }
END { print "" }
