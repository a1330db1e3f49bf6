// Package osspecific holds the Linux half of the package of that name in Argo (workflow/executor/osspecific).
// Upstream the file is a symbolic link, and Go module archives leave links out; the build puts this one into
// Argo's vendored package. The behaviour is that of Kubernetes: the step's process alone decides the exit code.
package osspecific

import (
	"os"
	"syscall"

	"github.com/argoproj/argo-workflows/v3/util/errors"
)

// Term asks a process to end.
var Term = syscall.SIGTERM

// CanIgnoreSignal tells the signals that every Go program gets for its own purposes.
func CanIgnoreSignal(s os.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGURG
}

// Kill signals the whole process group, or the process alone where its group is unknown.
func Kill(pid int, s syscall.Signal) error {
	group, err := syscall.Getpgid(pid)
	if err != nil {
		return syscall.Kill(pid, s)
	}
	return syscall.Kill(-group, s)
}

// Setpgid gives the process a group of its own, so that Kill reaches its children.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Wait reaps every child until the step's own process has ended, and gives its exit code as an error.
// It blocks in the kernel: a step's end is known at once.
func Wait(process *os.Process) error {
	pid := process.Pid
	// Released, so that Go's own wait does not compete for the exit status.
	if err := process.Release(); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case ended != pid:
			continue
		case status.Exited():
			return errors.NewExitErr(status.ExitStatus())
		case status.Signaled():
			return errors.NewExitErr(128 + int(status.Signal()))
		}
	}
}
