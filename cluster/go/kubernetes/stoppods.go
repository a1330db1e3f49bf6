package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// stopPods stops and removes every pod sandbox through the container runtime's own interface, so that the
// runtime kills the containers and the CNI plugins give back addresses, veth pairs and rules (kubelet must be
// stopped before, or it would start them again).
func stopPods() int {
	flags := flag.NewFlagSet("stop-pods", flag.ExitOnError)
	socket := flags.String("socket", "", "path of the container runtime's socket")
	limit := flags.Duration("timeout", 60*time.Second, "time for all pods together")
	grace := flags.Int64("grace", 3, "seconds between SIGTERM and SIGKILL")
	_ = flags.Parse(os.Args[1:])

	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	connection, err := grpc.NewClient("unix://"+*socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "stop-pods:", err)
		return 1
	}
	defer connection.Close()
	client := runtime.NewRuntimeServiceClient(connection)
	if err := removeAll(ctx, client, *grace); err != nil {
		fmt.Fprintln(os.Stderr, "stop-pods:", err)
		return 1
	}
	return 0
}

func removeAll(ctx context.Context, client runtime.RuntimeServiceClient, grace int64) error {
	containers, err := client.ListContainers(ctx, &runtime.ListContainersRequest{
		Filter: &runtime.ContainerFilter{State: &runtime.ContainerStateValue{State: runtime.ContainerState_CONTAINER_RUNNING}},
	})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	results := make(chan error)
	for _, container := range containers.Containers {
		go func(id string) {
			_, err := client.StopContainer(ctx, &runtime.StopContainerRequest{ContainerId: id, Timeout: grace})
			results <- err
		}(container.Id)
	}
	for range containers.Containers {
		if err := <-results; err != nil {
			fmt.Fprintln(os.Stderr, "stop-pods: container:", err)
		}
	}
	sandboxes, err := client.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	failed := 0
	for _, sandbox := range sandboxes.Items {
		if err := removeOne(ctx, client, sandbox.Id); err != nil {
			fmt.Fprintf(os.Stderr, "stop-pods: %s/%s: %v\n", sandbox.Metadata.Namespace, sandbox.Metadata.Name, err)
			failed++
		}
	}
	fmt.Printf("%d pods stopped, %d failed\n", len(sandboxes.Items)-failed, failed)
	if failed > 0 {
		return fmt.Errorf("%d pods could not be removed", failed)
	}
	return nil
}

func removeOne(ctx context.Context, client runtime.RuntimeServiceClient, id string) error {
	if _, err := client.StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if _, err := client.RemovePodSandbox(ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: id}); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}
