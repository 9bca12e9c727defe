"""Check a Homeward dossier with Python alone, no library and no code of Homeward's:

    python3 verify_dossier.py DOSSIER.zip

Parts, chain, bodies and histories agree. Compare the head that it prints with one that you hold from elsewhere.
"""

import base64
import hashlib
import json
import sys
import zipfile
from decimal import Decimal


def canonical(value):
    """The one JSON text of a value, as RFC 8785 has it."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(each) for each in value) + "]"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        digits, _, power = repr(value).partition("e")
        small_or_large = power and not -7 < int(power) < 21
        return f"{digits}e{int(power):+d}" if small_or_large else f"{Decimal(repr(value)):f}"
    return json.dumps(value, ensure_ascii=False)


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def payload(given):
    """What one message of the engine's history carries."""
    return json.loads(base64.b64decode(given["payloads"][0]["data"]))


def check(path):
    dossier = zipfile.ZipFile(path)
    if any(part.compress_type or part.compress_size != part.file_size for part in dossier.infolist()):
        raise ValueError("a part of it is compressed, and may unpack to anything")
    manifest = json.loads(dossier.read("manifest.json"))
    wrong = [finding["sentence"] for finding in manifest["findings"]]
    named = {file["name"]: file["sha256"] for file in manifest["files"]}
    for name in sorted({*named, *dossier.NameToInfo} - {"manifest.json"}):
        if name not in dossier.NameToInfo or sha256(dossier.read(name)) != named.get(name):
            wrong.append(f"{name} is missing, was changed, or is not named in the manifest")

    ledger, prev, by_act, came = {}, "0" * 64, {}, set()
    for n, line in enumerate(dossier.read("ledger.jsonl").splitlines(), start=1):
        entry = json.loads(line)
        ledger[entry["hash"]] = entry
        if entry["n"] != n or entry["prev"] != prev:
            wrong.append(f"entry {entry['n']} stands in place {n}, or does not follow the entry before it")
        header = {name: entry[name] for name in entry if name not in ("hash", "salt", "body", "withheld")}
        if "at" in entry and sha256(canonical(header)) != entry["hash"]:
            wrong.append(f"entry {n} is not what its hash says")
        if "body" in entry and sha256(entry["salt"] + canonical(entry["body"])) != entry["body_digest"]:
            wrong.append(f"the body of entry {n} is not what its digest says")
        prev = entry["hash"]
    if (manifest["entries"], manifest["head"]) != (len(ledger), prev):
        wrong.append("the manifest tells of other entries")
    acts = [entry for entry in ledger.values() if entry.get("act_id") and entry["kind"] != "detention"]
    for entry in acts:
        by_act.setdefault(entry["act_id"], []).append(entry)
    for name in sorted(name for name in dossier.NameToInfo if name.startswith("runs/")):
        run = json.loads(dossier.read(name))
        if sha256(dossier.read(name)) not in name or run["reference"] != manifest["reference"]:
            wrong.append(f"{name} is not what its name says, or another case's")
        own = [e["n"] for e in run["ledger"] or [] if ledger.get(e["hash"]) != e]
        wrong += [f"entry {n} of {name} is not in the ledger" for n in own]
        for event in run["history"]["events"]:
            took = event.get("workflowExecutionUpdateAcceptedEventAttributes", {})
            update = took.get("acceptedRequest", {}).get("input")
            signal = event.get("workflowExecutionSignaledEventAttributes", {})
            act = payload(update["args"]) if update else payload(signal["input"]) if signal else None
            if isinstance(act, dict) and (entries := by_act.get(act.get("act_id"))):
                came.add(act["act_id"])
                said = [entry["body"].get("act") or entry["body"]["given"] for entry in entries]
                if update and not any(all(e.get(f) == act.get(f) for f in ("act", "actor", "reason")) for e in said):
                    wrong.append(f"entry {entries[0]['n']} does not say what event {event['eventId']} of {name} said")
            done = event.get("workflowExecutionUpdateCompletedEventAttributes", {}).get("outcome", {}).get("success")
            if done and payload(done)["head"] not in ledger:
                wrong.append(f"a receipt in event {event['eventId']} of {name} names a head that is not in the ledger")
    if any(name.startswith("runs/") for name in dossier.NameToInfo):
        wrong += [f"entry {e['n']} records an act that never came in" for e in acts if e["act_id"] not in came]
    return wrong, f"{manifest['reference']}: {len(ledger)} entries, head {prev}"


if __name__ == "__main__":
    try:
        found, told = check(sys.argv[1])
    except Exception as error:  # noqa: BLE001 - whatever it holds, it is told that it cannot be read
        found, told = [f"it cannot be read as a dossier: {error!r}"], sys.argv[1]
    lines = [told, *found, "It verifies." if not found else f"{len(found)} things are wrong."]
    print("\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines))  # none steers a terminal
    sys.exit(4 if found else 0)
