environment         = "staging"
budget_amount       = 200
open                = false
storage_replication = "LRS"
log_days            = 30
log_daily_gb        = 2
