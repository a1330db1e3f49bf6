// Discover tells Prometheus which pods to scrape: it watches all pods and keeps a file of targets (file_sd).
//
// Debian's Prometheus is built without its own discovery of pods, and building another one would take longer than
// everything else here but Kubernetes. The file is replaced at once and never emptied by a start, a stop or an API
// server that does not answer: while this program is blind, Prometheus goes on with the last pods that were seen.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func main() {
	file := flag.String("file", "", "the file of targets to keep; its directory must exist")
	listen := flag.String("listen", ":8091", "address that answers /ready and /alive")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := discover(ctx, *file, *listen); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "discover:", err)
		os.Exit(1)
	}
}

func discover(ctx context.Context, file, listen string) error {
	client, err := podClient()
	if err != nil {
		return err
	}
	everything := cache.NewListWatchFromClient(client, "pods", metav1.NamespaceAll, fields.Everything())
	pods := cache.NewSharedIndexInformer(everything, &corev1.Pod{}, 0, cache.Indexers{})
	if err := pods.SetTransform(onlyWhatTargetsNeed); err != nil {
		return err
	}
	keeper := newKeeper(file, func() []*corev1.Pod {
		objects := pods.GetStore().List()
		found := make([]*corev1.Pod, 0, len(objects))
		for _, object := range objects {
			found = append(found, object.(*corev1.Pod))
		}
		return found
	})
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { keeper.changed() },
		UpdateFunc: func(any, any) { keeper.changed() },
		DeleteFunc: func(any) { keeper.changed() },
	}); err != nil {
		return err
	}
	health := make(chan error, 1)
	go func() { health <- keeper.serve(listen) }()
	go pods.RunWithContext(ctx)
	// Half a list would tell Prometheus that the other half is gone.
	for !pods.HasSynced() {
		select {
		case err := <-health:
			return err
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
			keeper.beat()
		}
	}
	return keeper.run(ctx, health)
}

// podClient speaks core/v1 and nothing else: the full client would bring every API of Kubernetes into memory.
func podClient() (*rest.RESTClient, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf
	return rest.RESTClientFor(config)
}
