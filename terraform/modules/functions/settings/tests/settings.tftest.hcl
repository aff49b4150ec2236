# Needs no provider.

variables {
  vault_url = "https://kv.vault.azure.net/"
  when      = { always = true, tenant = false, sentinel = false, webhook = false }
  choices   = {}
  secrets   = []
  resources = {
    for app in ["ingest", "detonate", "maps"] : app => {
      blobUrl                = "https://st.blob.core.windows.net/"
      cosmosUrl              = "https://cosmos.documents.azure.com:443/"
      hostStorageName        = "stfn"
      identityClientId       = "client-${app}"
      insightsAuthentication = "ClientId=client-${app};Authorization=AAD"
      insightsConnection     = "InstrumentationKey=0"
      queueUrl               = "https://st.queue.core.windows.net/"
      vaultUrl               = "https://kv.vault.azure.net/"
      vmrayUrl               = "https://vmray.corp.example"
      webhookUrl             = "https://func.azurewebsites.net/api/finished"
      workspaceId            = "00000000-0000-0000-0000-000000000001"
    }
  }
}

run "each_app_is_itself" {
  command = plan

  assert {
    condition     = alltrue([for app, settings in output.apps : settings["TIDEGATE_IDENTITY_CLIENT_ID"] == "client-${app}"])
    error_message = "an app has its own identity"
  }

  assert {
    condition     = !contains(keys(output.apps["maps"]), "Storage__queueServiceUri")
    error_message = "the map has no queue"
  }

  assert {
    condition     = !contains(keys(output.apps["detonate"]), "TIDEGATE_KEY_VAULT_URL") && length(output.with_secrets) == 0
    error_message = "half a tenant stops the app"
  }
}

run "a_tenant_comes_whole" {
  command = plan

  variables {
    when    = { always = true, tenant = true, sentinel = true, webhook = true }
    choices = { TIDEGATE_GATE_APPLY = "true" }
    secrets = ["TIDEGATE_READERS", "TIDEGATE_WEBHOOK_KEY"]
  }

  assert {
    condition     = alltrue([for name in ["DEFENDER_URL", "GRAPH_URL", "VMRAY_URL", "KEY_VAULT_URL", "WEBHOOK_URL", "GATE_APPLY"] : contains(keys(output.apps["detonate"]), "TIDEGATE_${name}")])
    error_message = "a tenant is set whole"
  }

  assert {
    condition     = output.apps["maps"]["TIDEGATE_READERS"] == "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/Readers)"
    error_message = "secrets are references"
  }

  assert {
    condition     = output.with_secrets == toset(["detonate", "ingest", "maps"])
    error_message = "who has a secret reads references"
  }
}

run "refuse_what_is_no_choice" {
  command = plan

  variables {
    choices = { TIDEGATE_VMRAY_KEY = "a key in the state" }
  }

  expect_failures = [var.choices]
}

run "refuse_what_is_no_secret" {
  command = plan

  variables {
    secrets = ["TIDEGATE_GATE_APPLY"]
  }

  expect_failures = [var.secrets]
}
