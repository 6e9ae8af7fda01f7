"""The shapes of states, and the marks of figures as a key shows them."""

from __future__ import annotations

from markupsafe import Markup

SHAPES = {
    "same": '<circle class="fs" cx="7" cy="7" r="5.6"/>',
    "sound": '<circle class="fs" cx="7" cy="7" r="5.6"/>',
    "differs": '<path class="fs" d="M7 0L14 7L7 14L0 7Z"/>',
    "undecided": '<circle class="os" cx="7" cy="7" r="5.4"/><path class="fs" d="M7 1.6A5.4 5.4 0 0 1 7 12.4Z"/>',
    "failed": '<path class="os cross" d="M2 2L12 12M12 2L2 12"/>',
    "unchecked": '<circle class="os dots" cx="7" cy="7" r="5.4"/>',
    "not_computed": '<circle class="os dots" cx="7" cy="7" r="5.4"/>',
    "none": '<circle class="os dots" cx="7" cy="7" r="5.4"/>',
}

KEYS = {
    "interval": '<line class="post" x1="0" x2="26" y1="7" y2="7"/><line class="post th" x1="7" x2="19" y1="7" y2="7"/>',
    "posterior": '<path class="pf" d="M0 14Q13 -12 26 14Z"/><path class="post" d="M0 14Q13 -12 26 14"/>',
    "prior": '<line class="prior" x1="0" x2="26" y1="7" y2="7"/>',
    "map": '<line class="map" x1="13" x2="13" y1="0" y2="14"/><path class="mf" d="M8 -1L18 -1L13 6Z"/>',
    "laplace": '<line class="lap" x1="0" x2="26" y1="7" y2="7"/>',
    "laplace_mode": '<line class="lap" x1="0" x2="26" y1="7" y2="7"/><path class="lf" d="M13 2.5L18 7L13 11.5L8 7Z"/>',
    "unconstrained": '<path class="lf" d="M13 2L18 7L13 12L8 7Z"/>',
    "marginal": '<path class="xf" d="M9 3H17V11H9Z"/>',
    "plugin": '<line class="map tn" x1="0" x2="26" y1="7" y2="7"/><line class="map th" x1="7" x2="19" y1="7" y2="7"/>',
    "plugin_line": '<line class="map tn" x1="0" x2="26" y1="7" y2="7"/>',
    "observed": '<circle class="od" cx="13" cy="7" r="3.2"/>',
    "draws": "".join(f'<circle class="dr" cx="{x}" cy="{y}" r="2"/>' for x, y in ((6, 9), (13, 4), (19, 10))),
    "dot": '<line class="post" x1="0" x2="26" y1="7" y2="7"/><circle class="pd" cx="13" cy="7" r="4"/>',
    "band": '<rect class="pf" x="0" y="0" width="26" height="14"/><rect class="pf" x="0" y="4" width="26" height="6"/>',
    "seen": '<rect class="bar obs" x="4" y="0" width="18" height="14"/>',
    "histogram": '<rect class="bar" x="4" y="0" width="18" height="14"/>',
    "bar_post": '<rect class="bar post" x="2" y="2" width="22" height="10"/>',
    "bar_lap": '<rect class="bar lap" x="2" y="2" width="22" height="10"/>',
    "reference": '<line class="ref" x1="0" x2="26" y1="7" y2="7"/>',
    "nuts": '<line class="post" x1="0" x2="26" y1="7" y2="7"/><circle class="pd" cx="13" cy="7" r="3.4"/>',
    "map_laplace": '<line class="map path" x1="0" x2="26" y1="7" y2="7"/><path class="mf" d="M9 4L17 4L13 11Z"/>',
    "psis_laplace": '<line class="lap" x1="0" x2="26" y1="7" y2="7"/><path class="lf" d="M13 3L17 7L13 11L9 7Z"/>',
    "mle_wald": '<line class="mle" x1="0" x2="26" y1="7" y2="7"/><path class="ef" d="M10 4H16V10H10Z"/>',
    "marginal_map": '<line class="mam" x1="0" x2="26" y1="7" y2="7"/><path class="xf" d="M9.6 3.6H16.4V10.4H9.6Z"/>',
    "marginal_laplace": '<line class="mar" x1="0" x2="26" y1="7" y2="7"/><path class="rf" d="M13 3L17 10H9Z"/>',
    "pathfinder": '<line class="pth" x1="0" x2="26" y1="7" y2="7"/><path class="pc" d="M10 4L16 10M16 4L10 10"/>',
    "advi": '<line class="adv" x1="0" x2="26" y1="7" y2="7"/><circle class="vf" cx="13" cy="7" r="3.8"/>',
    "fullrank_advi": '<line class="fra" x1="0" x2="26" y1="7" y2="7"/><path class="vc" d="M8.4 7H17.6M13 2.4V11.6"/>',
    "same": '<line class="lsame" x1="0" x2="26" y1="7" y2="7"/><circle class="vs" cx="13" cy="7" r="3.4"/>',
    "differs": '<line class="ldiffers" x1="0" x2="26" y1="7" y2="7"/><path class="vd" d="M13 3L17 7L13 11L9 7Z"/>',
    "undecided": '<line class="lundecided" x1="0" x2="26" y1="7" y2="7"/><circle class="vu" cx="13" cy="7" r="3"/>',
    "margin": '<rect class="zone" x="4" y="0" width="18" height="14"/>',
}


def shape(kind: str) -> Markup:
    """The shape of a state, for those who see it; its word stands beside it."""
    return Markup(f'<svg viewBox="0 0 14 14" aria-hidden="true">{SHAPES[kind]}</svg>')


def key(kind: str) -> Markup:
    """A mark, as a key shows it."""
    return Markup(f'<svg width="26" height="14" aria-hidden="true">{KEYS[kind]}</svg>')
