"""A release on its way through several clusters: look at all of them, decide, do it, and look again (K4).

Nothing is remembered that the clusters do not say themselves, so that whoever starts the same command again goes on
where it was, and two who start it at once do it together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rainbow.adapters.regions import Found, Place, images_of, look, roll_back, silent_for
from rainbow.adapters.submission import submit
from rainbow.adapters.world import Clock
from rainbow.cli.following import Until
from rainbow.cli.regions_screen import RegionsScreen
from rainbow.decisions.region import BEGUN, Return, Standing
from rainbow.decisions.waves import PATIENCE, Act, Waves, WavesDecision, decide_drained, decide_waves
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.clusters import OnFailure
from rainbow.model.release import ReleaseSpec

INTERVAL = 2.0  # seconds between two looks
ATTEMPTS = PATIENCE.total_seconds() / INTERVAL  # to submit something to a cluster that does not answer


@dataclass(frozen=True)
class Going:
    """What is to be released where. `specs` are as the cluster would have it that builds; `archive` its sources."""

    places: Sequence[Place]
    waves: Sequence[Sequence[str]]
    on_failure: OnFailure
    specs: Mapping[str, ReleaseSpec]
    archive: bytes | None = None

    @property
    def release(self) -> str:
        """Its id, the same everywhere."""
        return next(iter(self.specs.values())).release


@dataclass(frozen=True)
class End:
    """Where it stands when nothing more is done: DONE or STOP, or WAIT for who only wants it submitted.

    `drained`: the workflows were waited for as well.
    """

    decision: WavesDecision
    found: Mapping[str, Found]
    drained: bool = False


@dataclass
class Journey:
    """One run of the command. What it keeps are times and counts of its own, of which nothing is lost with it."""

    going: Going
    shown: RegionsScreen
    clock: Clock
    _unknown_since: dict[str, float] = field(default_factory=dict)
    _attempts: dict[str, int] = field(default_factory=dict)
    _no_way_back: dict[str, str] = field(default_factory=dict)

    def go(self, until: Until) -> End:
        """To the end. Raises what a submission raises when nothing came of it, TemporaryError after many attempts."""
        while True:
            found = self.look()
            decision = decide_waves(self._now(found))
            self.shown.show({name: one.region for name, one in found.items()}, self.clock.now())
            if decision.act is Act.SUBMIT:
                self._submit(decision, found)
            elif decision.act is Act.ROLL_BACK:
                self._roll_back(decision, found)
            elif decision.act is Act.WAIT and until is not Until.SUBMITTED:
                self.clock.sleep(INTERVAL)
            elif decision.act is Act.DONE and until is Until.DRAINED:
                return self._drained(End(decision, found))
            else:
                return End(decision, found)

    def begun(self) -> bool:
        """Whether any cluster is known to have it."""
        return any(one.region.standing in BEGUN for one in self.look().values())

    def look(self) -> dict[str, Found]:
        """At every cluster."""
        found: dict[str, Found] = {}
        for place in self.going.places:
            found[place.name] = self._timed(place.name, look(place, self._wanted(place.name, found)))
        return found

    def _timed(self, name: str, found: Found) -> Found:
        if found.region.standing is not Standing.UNKNOWN:
            self._unknown_since.pop(name, None)
        else:
            now = self.clock.monotonic()
            found = silent_for(found, now - self._unknown_since.setdefault(name, now))
        if name in self._no_way_back and found.region.back is Return.NONE:
            region = replace(found.region, back=Return.FAILED, why_back=self._no_way_back[name])
            found = replace(found, region=region)
        return found

    def _now(self, found: Mapping[str, Found]) -> Waves:
        regions = {name: one.region for name, one in found.items()}
        built = self._images(found) is not None
        return Waves(self.going.release, self.going.waves, regions, self.going.on_failure, built)

    def _images(self, found: Mapping[str, Found]) -> Mapping[str, str] | None:
        """What to run for each image: as given, or as the cluster that builds has it."""
        spec = next(iter(self.going.specs.values()))
        if set(spec.app.images) <= set(spec.images):
            return spec.images
        known = (images_of(one.record) for one in found.values() if one.record is not None)
        return next((images for images in known if images is not None), None)

    def _wanted(self, name: str, found: Mapping[str, Found]) -> ReleaseSpec:
        """To compare a record with: its sources, and the images as far as they are known."""
        spec = self.going.specs[name]
        return spec.model_copy(update={"images": {**(self._images(found) or {}), **spec.images}})

    def _submit(self, decision: WavesDecision, found: Mapping[str, Found]) -> None:
        for place in self._places(decision):
            spec, images = self.going.specs[place.name], self._images(found)
            if images is not None:
                spec = spec.model_copy(update={"images": dict(images), "source": None})
            self.shown.say(f"submitting {spec.release} to {place.name}", self.clock.now())
            try:
                submit(place.kube, spec, self.going.archive if images is None else None)
            except TemporaryError as error:
                self._again(place, error)
            except PermanentError as error:
                # Somebody else may have submitted the same at this moment.
                if look(place, self._wanted(place.name, found)).region.standing is Standing.ABSENT:
                    raise self._refused(place, error, found) from error

    def _refused(self, place: Place, error: PermanentError, found: Mapping[str, Found]) -> PermanentError:
        said = f"cluster {place.name}: {error}"
        if not any(one.region.standing in BEGUN for one in found.values()):
            return type(error)(said)
        return PermanentError(f"{said}. Nothing was changed in {place.name}; in the others the release stays as it is")

    def _roll_back(self, decision: WavesDecision, found: Mapping[str, Found]) -> None:
        why = f"release {self.going.release} failed in another cluster: {'; '.join(decision.reasons)}"
        for place in self._places(decision):
            record = found[place.name].record
            assert record is not None  # noqa: S101 - it is current there
            self.shown.say(f"rolling back in {place.name}: {'; '.join(decision.reasons)}", self.clock.now())
            try:
                roll_back(place, record, why)
            except TemporaryError as error:
                self._again(place, error)
            except PermanentError as error:
                self._no_way_back[place.name] = str(error)

    def _again(self, place: Place, error: TemporaryError) -> None:
        """Not at once, and not for ever."""
        self._attempts[place.name] = self._attempts.get(place.name, 0) + 1
        if self._attempts[place.name] >= ATTEMPTS:
            raise TemporaryError(f"cluster {place.name}: {error}") from error
        self.shown.say(f"{place.name} does not answer, trying again: {error}", self.clock.now())
        self.clock.sleep(INTERVAL)

    def _drained(self, end: End) -> End:
        """Wait until the workflow is over in every cluster. What becomes current meanwhile is another release's."""
        while True:
            views = {name: one.view for name, one in end.found.items()}
            end = End(decide_drained(self._now(end.found), views), end.found, drained=True)
            if end.decision.act is not Act.WAIT:
                return end
            self.clock.sleep(INTERVAL)
            end = End(end.decision, self.look())

    def _places(self, decision: WavesDecision) -> list[Place]:
        return [place for place in self.going.places if place.name in decision.clusters]
