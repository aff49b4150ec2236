"""The provider's resources as far as we use them: azurerm 5.2.

What is here was seen in the provider's own schema. An argument that is not, may be there all the
same: look it up, then add it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Body:
    """A resource, or a block of one: what it needs, what else of it we use."""

    needed: frozenset[str]
    other: frozenset[str]
    blocks: "dict[str, Body]" = field(default_factory=dict)
    must: bool = False


def _body(needed: str, other: str = "", **blocks: Body) -> Body:
    return Body(frozenset(needed.split()), frozenset(other.split()), blocks)


def _needed(needed: str, other: str = "", **blocks: Body) -> Body:
    return Body(frozenset(needed.split()), frozenset(other.split()), blocks, must=True)


SCHEMA = {
    "azurerm_application_insights": _body(
        "application_type location name resource_group_name",
        "ip_masking_enabled local_authentication_enabled retention_in_days tags workspace_id",
    ),
    "azurerm_application_insights_workbook": _body(
        "data_json display_name location name resource_group_name", "source_id tags"
    ),
    "azurerm_consumption_budget_resource_group": _body(
        "amount name resource_group_id",
        "time_grain",
        notification=_needed("operator threshold", "contact_emails contact_groups threshold_type"),
        time_period=_needed("start_date"),
    ),
    "azurerm_cosmosdb_account": _body(
        "location name offer_type resource_group_name",
        "access_key_metadata_writes_enabled automatic_failover_enabled "
        "burst_capacity_enabled kind local_authentication_enabled "
        "minimal_tls_version public_network_access_enabled tags",
        backup=_body("type", "tier"),
        capabilities=_body("name"),
        consistency_policy=_needed("consistency_level"),
        geo_location=_needed("failover_priority location", "zone_redundant"),
    ),
    "azurerm_cosmosdb_sql_container": _body(
        "account_name database_name name partition_key_paths resource_group_name",
        "default_ttl partition_key_kind partition_key_version",
        autoscale_settings=_body("", "max_throughput"),
        indexing_policy=_body(
            "", "indexing_mode", excluded_path=_body("path"), included_path=_body("path")
        ),
    ),
    "azurerm_cosmosdb_sql_database": _body("account_name name resource_group_name"),
    "azurerm_cosmosdb_sql_role_assignment": _body(
        "account_name principal_id resource_group_name role_definition_id scope"
    ),
    "azurerm_cosmosdb_sql_role_definition": _body(
        "account_name assignable_scopes name resource_group_name",
        "type",
        permissions=_needed("data_actions"),
    ),
    "azurerm_eventgrid_system_topic": _body(
        "location name resource_group_name source_resource_id topic_type", "tags"
    ),
    "azurerm_function_app_flex_consumption": _body(
        "location name resource_group_name runtime_name runtime_version "
        "service_plan_id storage_authentication_type "
        "storage_container_endpoint storage_container_type",
        "app_settings https_only instance_memory_in_mb "
        "maximum_instance_count public_network_access_enabled "
        "storage_user_assigned_identity_id tags virtual_network_subnet_id "
        "webdeploy_publish_basic_authentication_enabled",
        identity=_body("type", "identity_ids"),
        site_config=_needed(
            "", "http2_enabled minimum_tls_version scm_minimum_tls_version vnet_route_all_enabled"
        ),
    ),
    "azurerm_key_vault": _body(
        "location name rbac_authorization_enabled resource_group_name sku_name tenant_id",
        "public_network_access_enabled purge_protection_enabled soft_delete_retention_days tags",
        network_acls=_body("bypass default_action"),
    ),
    "azurerm_log_analytics_workspace": _body(
        "location name resource_group_name",
        "daily_quota_gb local_authentication_enabled retention_in_days sku tags",
    ),
    "azurerm_managed_redis": _body(
        "location name resource_group_name sku_name",
        "high_availability_enabled public_network_access tags",
        default_database=_body(
            "",
            "access_keys_authentication_enabled client_protocol clustering_policy eviction_policy",
        ),
    ),
    "azurerm_monitor_action_group": _body(
        "name resource_group_name short_name",
        "tags",
        email_receiver=_body("email_address name", "use_common_alert_schema"),
    ),
    "azurerm_monitor_diagnostic_setting": _body(
        "name target_resource_id",
        "log_analytics_workspace_id",
        enabled_log=_body("", "category category_group"),
        enabled_metric=_body("category"),
    ),
    "azurerm_monitor_metric_alert": _body(
        "name resource_group_name scopes",
        "auto_mitigate description frequency severity tags window_size",
        action=_body("action_group_id"),
        criteria=_body("aggregation metric_name metric_namespace operator threshold"),
    ),
    "azurerm_monitor_scheduled_query_rules_alert_v2": _body(
        "evaluation_frequency location name resource_group_name scopes severity window_duration",
        "auto_mitigation_enabled description display_name skip_query_validation tags",
        action=_body("", "action_groups"),
        criteria=_needed(
            "operator query threshold time_aggregation_method",
            "metric_measure_column",
            failing_periods=_body(
                "minimum_failing_periods_to_trigger_alert number_of_evaluation_periods"
            ),
        ),
    ),
    "azurerm_network_security_group": _body(
        "location name resource_group_name", "security_rule tags"
    ),
    "azurerm_private_dns_zone": _body("name resource_group_name", "tags"),
    "azurerm_private_dns_zone_virtual_network_link": _body(
        "name private_dns_zone_id virtual_network_id", "tags"
    ),
    "azurerm_private_endpoint": _body(
        "location name resource_group_name subnet_id",
        "tags",
        private_dns_zone_group=_body("name private_dns_zone_ids"),
        private_service_connection=_needed(
            "is_manual_connection name", "private_connection_resource_id subresource_names"
        ),
    ),
    "azurerm_resource_group": _body("location name", "tags"),
    # From its documentation alone: its schema was not at hand.
    "azurerm_resource_group_template_deployment": _body(
        "deployment_mode name resource_group_name", "tags template_content"
    ),
    "azurerm_role_assignment": _body("principal_id scope", "principal_type role_definition_name"),
    "azurerm_service_plan": _body("location name os_type resource_group_name sku_name", "tags"),
    "azurerm_static_web_app": _body(
        "location name resource_group_name", "preview_environments_enabled sku_size sku_tier tags"
    ),
    "azurerm_static_web_app_function_app_registration": _body("function_app_id static_web_app_id"),
    "azurerm_storage_account": _body(
        "account_replication_type account_tier location name resource_group_name",
        "account_kind allow_nested_items_to_be_public "
        "cross_tenant_replication_enabled default_to_oauth_authentication "
        "https_traffic_only_enabled infrastructure_encryption_enabled "
        "local_user_enabled min_tls_version public_network_access_enabled "
        "shared_access_key_enabled tags",
        blob_properties=_body(
            "",
            container_delete_retention_policy=_body("", "days"),
            delete_retention_policy=_body("", "days"),
        ),
        network_rules=_body("default_action", "bypass"),
    ),
    "azurerm_storage_container": _body("name storage_account_id", "container_access_type"),
    "azurerm_storage_management_policy": _body(
        "storage_account_id",
        rule=_body(
            "enabled name",
            actions=_needed(
                "",
                base_blob=_body(
                    "",
                    "delete_after_days_since_modification_greater_than "
                    "tier_to_cool_after_days_since_modification_greater_than",
                ),
            ),
            filters=_needed("blob_types", "prefix_match"),
        ),
    ),
    "azurerm_storage_queue": _body("name storage_account_id"),
    "azurerm_subnet": _body(
        "name resource_group_name virtual_network_name",
        "address_prefixes private_endpoint_network_policies",
        delegation=_body("name", service_delegation=_needed("name", "actions")),
    ),
    "azurerm_subnet_network_security_group_association": _body(
        "network_security_group_id subnet_id"
    ),
    "azurerm_user_assigned_identity": _body("location name resource_group_name", "tags"),
    "azurerm_virtual_network": _body("location name resource_group_name", "address_space tags"),
}
