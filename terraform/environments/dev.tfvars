environment         = "dev"
budget_amount       = 100
open                = true
storage_replication = "LRS"
log_days            = 30
log_daily_gb        = 1
