# Needs no provider.

variables {
  workload    = "tidegate"
  location    = "westus3"
  environment = "dev"
}

run "follow_the_pattern" {
  command = plan

  assert {
    condition     = output.one.vault == "kv-tidegate-wus3-dev" && output.one.storage == "sttidegatewus3dev"
    error_message = "type, workload, region, environment"
  }

  assert {
    condition     = output.app.function["maps"] == "func-tidegate-maps-wus3-dev" && output.app.appSubnet["maps"] == "snet-maps"
    error_message = "an app's name has the app's"
  }

  assert {
    condition     = output.part.endpoint["host-blob"] == "pep-tidegate-host-blob-wus3-dev"
    error_message = "an endpoint's name has its part"
  }

  assert {
    condition     = !strcontains(jsonencode([output.one, output.app, output.part]), "{w")
    error_message = "nothing is left open"
  }
}

run "fit_where_names_are_longest" {
  command = plan

  variables {
    workload    = "tidegat8"
    location    = "eastus2"
    environment = "staging"
  }

  assert {
    condition     = alltrue([for what in ["vault", "storage", "hostStorage"] : length(output.one[what]) <= 24])
    error_message = "vaults and accounts have 24 characters"
  }
}

run "refuse_a_long_workload" {
  command = plan

  variables {
    workload = "tidegate-x"
  }

  expect_failures = [var.workload]
}

run "refuse_a_region_without_a_short_name" {
  command = plan

  variables {
    location = "atlantis"
  }

  expect_failures = [var.location]
}
