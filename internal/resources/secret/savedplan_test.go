package secret_test

import (
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A saved plan does not hold ephemeral variables. Applied where they are missing, as in a workflow that gives them to the
// plan alone, it writes nothing; with them, it does what it showed.
func TestAccSecret_savedPlanWithoutItsValue(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		canaries := acctest.NewCanaries()
		forgotten := env.CLI(t, "TF_LOG=TRACE", "TF_LOG_PATH=trace.log")
		given := forgotten.With("TF_VAR_late=" + canaries.Text(t, "value")) // a variable that ScannedMain does not set
		lines := "value_wo = var.late\n  value_wo_version = \"1\""
		given.Write(t, "main.tf", env.Config(acctest.SecretVariables("late"), block(lines)))
		planned := given.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin")
		refused := forgotten.Run(t, "apply", "-no-color", "-input=false", "plan.bin")
		if refused.Code == 0 || env.Effects("AddSecretVersion") != 0 {
			t.Errorf("ended with %d, %d versions were added:\n%s", refused.Code, env.Effects("AddSecretVersion"), refused.Output())
		}
		again := given.MustRun(t, "plan", "-no-color", "-input=false", "-out=plan.bin")
		applied := given.MustRun(t, "apply", "-no-color", "-input=false", "plan.bin")
		env.CheckEffects(t, "AddSecretVersion", 1)
		canaries.CheckRun(t, given, planned, refused, again, applied, given.MustRun(t, "destroy", "-no-color", "-auto-approve"))
	})
}
