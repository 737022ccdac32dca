"""The local Twilio: a separate process that stands in for Twilio's Messages API.

No Django, and nothing leaves the machine.

Run it, then point the real ``twilio`` client at it (``client.api.base_url = "http://127.0.0.1:4010"``)::

    python -m twilio_emulator                 # phones at http://127.0.0.1:4010/
    python -m twilio_emulator --help          # every flag; flags win over TWILIO_* in the environment

It keeps texts in memory, shows each number as a phone on the page, delivers (queued, sent, delivered),
sends signed status callbacks, and turns a reply typed on the page into a signed inbound webhook. STOP blocks.

Make it misbehave with JSON to ``/_control`` (``twilio_emulator.client.EmulatorClient`` wraps all of it)::

    curl -d '{"kind": "429", "count": 3}'                     127.0.0.1:4010/_control/faults
    curl -d '{"kind": "accept_then_drop", "probability": .1}' 127.0.0.1:4010/_control/faults
    curl -d '{"kind": "hang", "count": 1, "seconds": 20}'     127.0.0.1:4010/_control/faults
    curl -d '{"kind": "error", "code": 21408}'                127.0.0.1:4010/_control/faults
    curl -d '{"kind": "fail_after_accept", "code": 30003}'    127.0.0.1:4010/_control/faults
    curl -d '{"mode": "out_of_order"}'                        127.0.0.1:4010/_control/callbacks
    curl -d '{"open": false, "seconds": 30}'                  127.0.0.1:4010/_control/listen
    curl 127.0.0.1:4010/_control/messages                     # what was accepted, oldest first
    curl -X POST 127.0.0.1:4010/_control/reset                # empty phones, no faults

``faults.py`` lists the kinds of fault, ``control.py`` the rest of the control API.
"""
