// Command retry does what the Retry button of the Argo UI does, without the server: it reads a failed
// Workflow (JSON) from standard input and prints {"workflow": ..., "podsToDelete": [...]}. The caller
// deletes the pods and then updates the Workflow, in the server's order.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
)

type answer struct {
	Workflow     *wfv1.Workflow `json:"workflow"`
	PodsToDelete []string       `json:"podsToDelete"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "retry: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	var workflow wfv1.Workflow
	if err := json.NewDecoder(os.Stdin).Decode(&workflow); err != nil {
		return fmt.Errorf("no Workflow in JSON on standard input: %w", err)
	}
	retried, pods, err := util.FormulateRetryWorkflow(context.Background(), &workflow, false, "", nil)
	if err != nil {
		return err
	}
	if pods == nil {
		pods = []string{}
	}
	return json.NewEncoder(os.Stdout).Encode(answer{Workflow: retried, PodsToDelete: pods})
}
