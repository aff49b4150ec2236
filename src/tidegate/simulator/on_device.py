"""What a simulated device does when the time for an action has come.

There is no public recording of a finished live response, or of an action that failed: what stands
here is synthetic, after the documentation's words.
"""

import gzip
import json
import re

from tidegate.simulator.memory import Document
from tidegate.simulator.quarantine import staged
from tidegate.simulator.scene import Scene

DOWNLOADS = "C:\\ProgramData\\Microsoft\\Windows Defender Advanced Threat Protection\\Downloads"
TRANSCRIPT = (
    "Transcript started, output file is C:\\ProgramData\\Microsoft\\Windows Defender Advanced"
    " Threat Protection\\Temp\\PSScriptOutputs\\PSScript_Transcript_{0}.txt"
)
RUN = re.compile(r"-Run ([0-9a-f]{8,32})(?: .*)?")
NOT_FOUND = -2147024894  # 0x80070002
NOTHING_THERE = 3
STATES = {
    "Isolate": ("_isolated", True),
    "Unisolate": ("_isolated", False),
    "RestrictCodeExecution": ("_restricted", True),
    "UnrestrictCodeExecution": ("_restricted", False),
}


def carried_out(scene: Scene, action: Document, device: Document) -> Document:
    """Return the action as it ended on the device."""
    if action["type"] == "LiveResponse":
        return _live_response(scene, action, device)
    if action["type"] == "StopAndQuarantineFile":
        return _quarantined(scene, action, device)
    if action["type"] in STATES:
        state, value = STATES[action["type"]]
        scene.memory.put("machines", device["id"], {**device, state: value})
    return {**action, "status": "Succeeded"}


def _quarantined(scene: Scene, action: Document, device: Document) -> Document:
    sha1 = action["relatedFileInfo"]["fileIdentifier"]
    lying = scene.memory.find("placed", "sha1", sha1)
    places = [one["name"] for one in lying if one["machine"] == device["id"]]
    if not places:
        return {**action, "status": "Failed", "errorHResult": NOT_FOUND}
    content = scene.memory.blob(places[0])
    name = f"quarantine:{sha1}"
    scene.memory.put_blob(name, content or b"")
    for place in places:
        scene.memory.delete_blob(place)
        scene.memory.delete("placed", place)
    kept = [*device["_quarantine"], name]
    scene.memory.put("machines", device["id"], {**device, "_quarantine": kept})
    return {**action, "status": "Succeeded"}


# --- live response ----------------------------------------------------------------------------


def _live_response(scene: Scene, action: Document, device: Document) -> Document:
    """Carry out the commands up to the first that fails; the rest is skipped.

    The action as a whole succeeds all the same: only the commands tell.
    """
    made: dict[str, bytes] = {}
    commands: list[Document] = []
    for command in action["commands"]:
        failed = any(one["commandStatus"] == "Failed" for one in commands)
        done = command if failed else _command(scene, action["id"], command, device, made)
        commands.append(done)
    return {**action, "status": "Succeeded", "commands": commands}


def _command(
    scene: Scene, action: str, command: Document, device: Document, made: dict[str, bytes]
) -> Document:
    given = {one["key"]: one["value"] for one in command["command"]["params"]}
    if command["command"]["type"] == "RunScript":
        result, why = _script(scene, given, device, made)
    else:
        result, why = _file(scene, given.get("Path", ""), device, made)
    if result is not None:
        scene.memory.put_blob(f"{action}-{command['index']}", result)
    ended = {**command, "startTime": scene.stamp(), "endTime": scene.stamp()}
    if why:
        return {**ended, "commandStatus": "Failed", "errors": [why]}
    return {**ended, "commandStatus": "Completed"}


def _file(
    scene: Scene, path: str, device: Document, made: dict[str, bytes]
) -> tuple[bytes | None, str]:
    content = made.get(path) or scene.memory.blob(f"{device['id']}:{path}")
    if content is None:
        return None, "The file was not found."
    return (content if device["_raw"] else gzip.compress(content, mtime=0)), ""


def _script(
    scene: Scene, given: dict[str, str], device: Document, made: dict[str, bytes]
) -> tuple[bytes | None, str]:
    """Play the script that stages the quarantine, the only one that anybody runs here."""
    name = given.get("ScriptName", "")
    if scene.memory.get("library", name) is None:
        return None, "The script is not in the library."
    run = RUN.fullmatch(given.get("Args", ""))
    if run is None:
        return _transcript(name, 1, "", "Cannot validate argument."), "Exit code 1."
    kept = [scene.memory.blob(blob) or b"" for blob in device["_quarantine"]]
    counts = {"run": run[1], "files": len(kept), "bytes": sum(map(len, kept)), "skipped": 0}
    if not kept:
        printed = json.dumps({**counts, "message": "nothing in quarantine"})
        return _transcript(name, NOTHING_THERE, printed, ""), f"Exit code {NOTHING_THERE}."
    made[f"{DOWNLOADS}\\tidegate-{run[1]}.zip"] = staged(kept)
    return _transcript(name, 0, json.dumps({**counts, "message": "staged"}), ""), ""


def _transcript(name: str, code: int, printed: str, errors: str) -> bytes:
    """Return what a script printed, with the NUL characters that are there in real ones, too."""
    output = f"{TRANSCRIPT.format('{0000}')}\n{printed}\n\0\0\0"
    said = {
        "script_name": name,
        "exit_code": code,
        "script_output": output,
        "script_errors": errors,
    }
    return json.dumps(said).encode()
