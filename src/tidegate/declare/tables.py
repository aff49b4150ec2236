"""The Log Analytics tables that our queries read: their columns and KQL types.

`_TimeReceived` is hidden in Log Analytics; it is what `ingestion_time()` answers.
"""

SIGNIN_LOGS = {
    "TimeGenerated": "datetime",
    "_TimeReceived": "datetime",
    "Id": "string",
    "CorrelationId": "string",
    "AADTenantId": "string",
    "ResultType": "string",
    "ResultSignature": "string",
    "ResultDescription": "string",
    "Identity": "string",
    "UserPrincipalName": "string",
    "UserId": "string",
    "UserDisplayName": "string",
    "AppDisplayName": "string",
    "AppId": "string",
    "ClientAppUsed": "string",
    "IPAddress": "string",
    "Location": "string",
    "LocationDetails": "dynamic",
    "DeviceDetail": "dynamic",
    "Status": "dynamic",
    "ConditionalAccessStatus": "string",
    "RiskState": "string",
    "RiskLevelDuringSignIn": "string",
    "RiskLevelAggregated": "string",
    "AutonomousSystemNumber": "string",
    "UserAgent": "string",
}

THREAT_INTEL_INDICATORS = {
    "TimeGenerated": "datetime",
    "_TimeReceived": "datetime",
    "WorkspaceId": "string",
    "AzureTenantId": "string",
    "Id": "string",
    "ObservableKey": "string",
    "ObservableValue": "string",
    "Pattern": "string",
    "Confidence": "int",
    "Data": "dynamic",
    "Tags": "string",
    "AdditionalFields": "dynamic",
    "Created": "datetime",
    "Modified": "datetime",
    "ValidFrom": "datetime",
    "ValidUntil": "datetime",
    "IsActive": "bool",
    "IsDeleted": "bool",
    "LastUpdateMethod": "string",
    "SourceSystem": "string",
}

TABLES = {"SigninLogs": SIGNIN_LOGS, "ThreatIntelIndicators": THREAT_INTEL_INDICATORS}
