// Command lint checks Workflows, WorkflowTemplates, ClusterWorkflowTemplates and CronWorkflows (YAML or JSON
// documents on standard input) as the Argo server does before it accepts them, unknown fields included.
// Templates may refer to each other within the input. Prints a line for each fault; exit status 1 if any.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
)

// templates answers look-ups by name from the input itself, in place of a cluster.
type templates[T any] map[string]*T

func (t templates[T]) Get(name string) (*T, error) {
	if found, ok := t[name]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("template %q is not among the documents given", name)
}

type linter struct {
	local   templates[wfv1.WorkflowTemplate]
	cluster templates[wfv1.ClusterWorkflowTemplate]
}

func main() {
	faults, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "lint: %v\n", err)
		os.Exit(1)
	}
	if faults > 0 {
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) (int, error) {
	body, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	objects := common.ParseObjects(body, true)
	if len(objects) == 0 {
		return 0, fmt.Errorf("no documents on standard input")
	}
	l := linter{templates[wfv1.WorkflowTemplate]{}, templates[wfv1.ClusterWorkflowTemplate]{}}
	for _, parsed := range objects {
		switch object := parsed.Object.(type) {
		case *wfv1.WorkflowTemplate:
			l.local[object.Name] = object
		case *wfv1.ClusterWorkflowTemplate:
			l.cluster[object.Name] = object
		}
	}
	faults := 0
	for number, parsed := range objects {
		fault := parsed.Err
		if fault == nil {
			fault = l.check(parsed.Object)
		}
		if fault != nil {
			faults++
			fmt.Fprintf(out, "document %d (%s): %v\n", number+1, title(parsed), fault)
		}
	}
	return faults, nil
}

func (l linter) check(object any) error {
	options := validate.ValidateOpts{Lint: true}
	switch object := object.(type) {
	case *wfv1.Workflow:
		return validate.ValidateWorkflow(l.local, l.cluster, object, nil, options)
	case *wfv1.WorkflowTemplate:
		return validate.ValidateWorkflowTemplate(l.local, l.cluster, object, nil, options)
	case *wfv1.ClusterWorkflowTemplate:
		return validate.ValidateClusterWorkflowTemplate(l.local, l.cluster, object, nil, options)
	case *wfv1.CronWorkflow:
		return validate.ValidateCronWorkflow(context.Background(), l.local, l.cluster, object, nil)
	}
	return nil
}

func title(parsed common.ParseResult) string {
	if object, ok := parsed.Object.(runtime.Object); ok {
		return object.GetObjectKind().GroupVersionKind().Kind + " " + parsed.Object.GetName()
	}
	return "unreadable"
}
