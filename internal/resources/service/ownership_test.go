package service_test

import (
	"fmt"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

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

func TestImageOfAnotherToolOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	external := set("image_owner", `"external"`)
	deploy := func(image string) {
		if err := env.Fake.UpdateRunService(runID, func(s *runpb.Service) {
			s.Template.Containers[0].Image = image
			s.Template.Labels = map[string]string{"commit-sha": "1a2b3c4"}
		}); err != nil {
			t.Fatal(err)
		}
	}
	image := func() string { return liveService(t, env, runID).GetTemplate().GetContainers()[0].GetImage() }
	steps := behindTerraform(env.Config(onRun(external)), env.Config(onRun(external, set("config", `{ A = "1" }`))), deploy, image, sameText)
	steps = append(steps, imported(runID))
	env.Test(t, resource.TestCase{Steps: steps})
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
