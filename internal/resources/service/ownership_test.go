package service_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const runPoolID = "projects/acme-dev/locations/asia-northeast1/workerPools/shop-worker"

// behindTerraform is a deployment by another tool, and that it shows in no plan and survives the next apply.
func behindTerraform(config, changed string, deploy func(image string), image func() string, check func(string, string) error) []resource.TestStep {
	look := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error { return check(image(), want) }
	}
	return []resource.TestStep{
		{Config: config, ConfigStateChecks: ready()},
		{PreConfig: func() { deploy(nextImage) }, Config: config, ConfigPlanChecks: acctest.NoChanges(), Check: look(nextImage)},
		{
			Config: changed, ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate), ConfigStateChecks: ready(), Check: look(nextImage),
		},
	}
}

// otherTool deploys to Cloud Run as a GitHub action with gcloud does: what it does not change it writes as it read it.
type otherTool struct {
	*testing.T
	api *gcp.Client
	n   int // deployments so far
}

func newOtherTool(t *testing.T, env *acctest.Env) *otherTool {
	t.Helper()
	api := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = api.Close() })
	return &otherTool{T: t, api: api}
}

// deploy deploys an image to service and worker pool. change is what else it does to the service.
func (o *otherTool) deploy(image string, change func(*runpb.Service)) {
	o.Helper()
	o.n++
	service, err := o.api.RunServices().Get(o.Context(), runID)
	if err != nil {
		o.Fatal(err)
	}
	pool, err := o.api.WorkerPools().Get(o.Context(), runPoolID)
	if err != nil {
		o.Fatal(err)
	}
	service.Client, service.ClientVersion = "gcloud", "540.0.0"
	service.Template.Revision, pool.Template.Revision = fmt.Sprintf("shop-v%d", o.n), fmt.Sprintf("shop-worker-v%d", o.n)
	service.Template.Containers[0].Image, pool.Template.Containers[0].Image = image, image
	service.Template.Labels, pool.Template.Labels = o.labelled(service.Template.Labels), o.labelled(pool.Template.Labels)
	service.Labels, pool.Labels = o.labelled(service.Labels), o.labelled(pool.Labels)
	service.Template.Annotations = map[string]string{"client.knative.dev/user-image": image}
	change(service)
	op, err := o.api.RunServices().Update(o.Context(), service, gcp.UpdateOptions{})
	if err == nil {
		_, err = op.Wait(o.Context())
	}
	if err != nil {
		o.Fatal(err)
	}
	poolOp, err := o.api.WorkerPools().Update(o.Context(), pool, gcp.UpdateOptions{})
	if err == nil {
		_, err = poolOp.Wait(o.Context())
	}
	if err != nil {
		o.Fatal(err)
	}
}

func (*otherTool) labelled(labels map[string]string) map[string]string {
	all := map[string]string{"managed-by": "github-actions", "commit-sha": "1a2b3c4"}
	for key, value := range labels {
		if all[key] == "" {
			all[key] = value
		}
	}
	return all
}

// noTraffic is what "--no-traffic --tag" adds to a deployment: what serves is pinned, and the new revision has an address.
func (o *otherTool) noTraffic(service *runpb.Service) {
	ready := service.GetLatestReadyRevision()
	service.Traffic = []*runpb.TrafficTarget{
		{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: ready[strings.LastIndexByte(ready, '/')+1:], Percent: 100},
		{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: service.GetTemplate().GetRevision(), Tag: "next"},
	}
}

func asItWas(*runpb.Service) {}

// What another tool deploys shows in no plan, survives the changes of Terraform, and gets the traffic, also after a
// deployment without.
func TestImageOfAnotherToolOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	tool := newOtherTool(t, env)
	external, worker := set("image_owner", `"external"`), process("worker", `{ command = ["/app", "worker"] }`)
	config := func(level string) string {
		return env.Config(onRun(external, worker, set("labels", `{ team = "web" }`), set("config", `{ LEVEL = "`+level+`" }`)))
	}
	serves := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error { return tool.serves(want) }
	}
	deployed := func(image, level string) resource.TestStep {
		return resource.TestStep{
			PreConfig: func() { tool.deploy(image, asItWas) }, Config: config(level), ConfigPlanChecks: acctest.NoChanges(), ConfigStateChecks: ready(), Check: serves(image),
		}
	}
	changed := func(image, level string) resource.TestStep {
		return resource.TestStep{
			Config: config(level), ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate), ConfigStateChecks: ready(), Check: serves(image),
		}
	}
	pinned := changed("shop:4", "trace")
	pinned.PreConfig = func() { tool.deploy("shop:4", tool.noTraffic) }
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: config("info"), ConfigStateChecks: ready(), Check: serves(image)},
		deployed("shop:2", "info"),
		changed("shop:2", "debug"),
		deployed("shop:3", "debug"),
		{
			PreConfig: func() { tool.deploy("shop:x", tool.noTraffic) }, RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.TestMatchResourceAttr(address, "drift.0", wrapped("percent: 100}] -> [{type: TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, revision: shop-v2, percent: 100}, {type: TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, revision: shop-v3, tag: next}]")),
		},
		pinned,
		deployed("shop:5", "trace"),
		imported(runID),
	}})
	env.CheckEffects(t, "CreateService", 1)
	env.CheckEffects(t, "CreateWorkerPool", 1)
}

// serves checks that all requests go to the image, and that the worker runs it.
func (o *otherTool) serves(want string) error {
	live, err := o.api.RunServices().Get(o.Context(), runID)
	if err != nil {
		return err
	}
	revision, err := o.api.RunServices().Revision(o.Context(), runID+"/revisions/"+live.GetLatestReadyRevision()[strings.LastIndexByte(live.GetLatestReadyRevision(), '/')+1:])
	if err != nil {
		return err
	}
	pool, err := o.api.WorkerPools().Get(o.Context(), runPoolID)
	if err != nil {
		return err
	}
	traffic := live.GetTrafficStatuses()
	if len(traffic) != 1 || traffic[0].GetType() != runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST || traffic[0].GetPercent() != 100 {
		return fmt.Errorf("the traffic goes to %v", traffic)
	}
	return errors.Join(sameText(revision.GetContainers()[0].GetImage(), want), sameText(pool.GetTemplate().GetContainers()[0].GetImage(), want))
}

func TestImageOfAnotherToolOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	external := set("image_owner", `"external"`)
	deployments := env.Kubernetes(t, cluster).AppsV1().Deployments(env.Name("web"))
	deploy := func(image string) {
		patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"web","image":%q}]}}}}`, image)
		if _, err := deployments.Patch(t.Context(), env.Name("shop")+"-web", types.StrategicMergePatchType, []byte(patch),
			metav1.PatchOptions{FieldManager: "kubectl-set"}); err != nil {
			t.Fatal(err)
		}
	}
	image := func() string {
		d, err := deployments.Get(t.Context(), env.Name("shop")+"-web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Spec.Template.Spec.Containers[0].Image
	}
	steps := behindTerraform(env.Config(onGKE(env, cluster, external)), env.Config(onGKE(env, cluster, external, set("config", `{ A = "1" }`))), deploy, image, sameText)
	steps = append(steps, imported(fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))))
	env.Test(t, resource.TestCase{Steps: steps, CheckDestroy: nothingLeft(t, env, cluster)})
}

func TestPatternThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(onRun(set("drift_ignore", `["template.labels"]`))), ExpectError: wrapped("write it as drift shows the field"),
	}}})
}

func sameText(got, want string) error {
	if got != want {
		return fmt.Errorf("the image is %s, want %s", got, want)
	}
	return nil
}
