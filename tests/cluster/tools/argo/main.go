// Command argobench holds, in one binary, what the tests need of Argo CD: its application controller and repo server as
// they are released, and a Redis in memory, which is only their cache.
package main

import (
	"fmt"
	"os"

	"github.com/alicebob/miniredis/v2"
	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

func redis(address string) error {
	if err := miniredis.NewMiniRedis().StartAddr(address); err != nil {
		return err
	}
	select {}
}

func run(part string, arguments []string) error {
	switch part {
	case "redis":
		return redis(arguments[0])
	case "controller":
		command := controller.NewCommand()
		command.SetArgs(arguments)
		return command.Execute()
	case "repo-server":
		command := reposerver.NewCommand()
		command.SetArgs(arguments)
		return command.Execute()
	}
	return fmt.Errorf("no part %q", part)
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: argobench redis ADDRESS | controller FLAGS | repo-server FLAGS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
