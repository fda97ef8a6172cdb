"""All rules: each a function that finds what breaks it, named for what has to hold."""

from collections.abc import Callable, Iterator, Mapping

from tools.k8s.documents import Finding, Rendering
from tools.k8s.rules import bounds, containers, network, ports, references

Rule = Callable[[Rendering], Iterator[Finding]]

RULES: Mapping[str, Rule] = {
    each.__name__.replace("_", " "): each
    for each in (
        containers.pods_are_restricted,
        containers.pods_share_nothing_of_the_node,
        containers.containers_are_restricted,
        containers.containers_are_bounded,
        containers.containers_are_probed,
        containers.images_are_pinned,
        containers.api_tokens_are_not_mounted,
        containers.secrets_are_files,
        containers.nothing_is_simulated,
        ports.ports_are_named_and_used,
        ports.probes_ask_ports_that_are_there,
        ports.services_lead_somewhere,
        ports.ways_in_lead_to_services,
        network.everything_is_denied_first,
        network.policies_select_pods,
        network.peers_exist,
        network.policies_name_ports_that_are_there,
        network.only_the_scraper_reaches_operators_ports,
        network.only_known_clients_reach_token_service,
        bounds.grace_periods_add_up,
        bounds.bounds_lie_inside_bounds,
        bounds.updates_lose_nothing,
        bounds.stores_keep_all_they_have,
        references.volumes_have_a_source,
        references.configurations_are_mounted,
        references.files_of_the_configuration_are_mounted,
        references.accounts_are_there,
        references.budgets_select_pods,
        references.autoscalers_have_a_target,
        references.namespaces_are_one_and_restricted,
    )
}


def broken(rendering: Rendering) -> Iterator[tuple[str, Finding]]:
    """Every rule that does not hold, with what it has found."""
    for name, rule in RULES.items():
        for each in rule(rendering):
            yield name, each
