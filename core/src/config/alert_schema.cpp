// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/alert_schema.hpp"

#include <utility>

namespace mesura::config {
namespace {

Schema some(Schema s) {
  s.min = 1;
  return s;
}

Schema series() {
  return some(list(of(Type::glob, "device/channel/quantity; fewer parts match all below"),
                   "the series watched; each is a subject of its own", true));
}

Schema devices() { return some(list(text("a device; * and ? for anything"), "the devices watched", true)); }
Schema sinks() { return some(list(text("a sink; * and ? for anything"), "the sinks watched", true)); }
Schema limit(std::string help) { return text(std::move(help) + ", with its unit: 4000 W, 4 kW, 65 Cel, 95 %"); }

Schema lasting(std::string help, std::string_view min = "0s") { return duration(std::move(help), min, "31d"); }

std::vector<Field> threshold(const std::string& beyond) {
  return {required("series", series()), required("limit", limit("fires " + beyond + " it")),
          optional("for", lasting("how long without a break before it fires"), "0s"),
          optional("hysteresis", limit("how far back it must come to end; none: to the limit"))};
}

Schema stale() {
  return object({optional("device", devices(), "\"*\""),
                 optional("for", lasting("how long beyond the device's own stale_after"), "0s")},
                "a device has gone silent or failed");
}

Schema stuck() {
  return object({required("series", series()), required("for", lasting("how long the value does not change", "1s")),
                 optional("ignore_zero", boolean("0 is no sign of trouble: no sun, nothing drawn"), "true")},
                "a value comes again and again without changing");
}

Schema demand_forecast() {
  return object({optional("series", series(), "\"*/total/active_power_import\""),
                 optional("limit", limit("the quarter-hour demand that must not be reached; none: the month's peak "
                                         "so far, at least 2.5 kW"))},
                "the running quarter hour will end above the limit if power stays what it is");
}

Schema month_peak() {
  return object({optional("series", series(), "\"*/total/active_power_import\""),
                 optional("limit", limit("fires for peaks above it only"), "2.5 kW")},
                "a quarter hour has set a new peak of the month; ends with the month");
}

Schema disk_low() {
  return object({optional("path", of(Type::path, "any path on the file system; none: the state directory")),
                 optional("free", text("fires below so much free space: 1GiB, or 5% of its size"), "5%"),
                 optional("for", lasting("how long before it fires"), "0s")},
                "a file system is nearly full");
}

Schema sink_away() {
  return object({optional("sink", sinks(), "\"*\""), optional("for", lasting("how long before it fires"), "5m")},
                "a sink takes nothing");
}

Schema spool_growing() {
  return object({optional("sink", sinks(), "\"*\""),
                 optional("measurements", integer("fires above so many that wait on disk", 1)),
                 optional("size", size("fires above this size of the file", "1KiB")),
                 optional("for", lasting("how long before it fires"), "0s")},
                "measurements pile up before a sink");
}

}  // namespace

Schema derived_schema() {
  Schema device =
      map(text("an expression: series (device/channel or device/channel/quantity), numbers, + - * / ( ), min(), max(), "
               "abs(); for `label` and `role`: a word"),
          "its series: a quantity of channel total, or channel/quantity; beside them `label` and `role`");
  device.noun = "series";
  return named(std::move(device), "derived device", "series that are computed from others, by device");
}

Schema alerts_schema() {
  Schema rule =
      one_of({optional("stale", stale()), optional("above", object(threshold("above"), "a value is above a limit")),
              optional("below", object(threshold("below"), "a value is below a limit")), optional("stuck", stuck()),
              optional("demand_forecast", demand_forecast()), optional("month_peak", month_peak()),
              optional("disk_low", disk_low()), optional("sink_away", sink_away()),
              optional("spool_growing", spool_growing())},
             "what it watches for");
  rule.beside = {optional("to", list(of(Type::name, "a name under `notify`"),
                                     "who is told; none: all under `notify`. The log, the API and `mesura status` "
                                     "always are",
                                     true))};
  return named(std::move(rule), "alert", "what to raise the alarm for, by name");
}

Schema notify_schema() {
  Schema door = one_of(
      {optional("mqtt",
                object({required("sink", of(Type::name, "a sink of kind mqtt, for its broker and login")),
                        optional("topic", text("retained messages below it: TOPIC/ALERT/SUBJECT"), "mesura/alerts")},
                       "retained JSON messages")),
       optional("exec",
                object({required("command", some(list(text("a word"), "program and arguments; no shell", true))),
                        optional("timeout", duration("it is killed after that", "100ms", "1h"), "30s"),
                        optional("retries", integer("further tries when it fails", 0, 100), "0")},
                       "a program with the alert as JSON on its standard input")),
       optional("webhook",
                object({required("url", secret("http:// or https://; shown nowhere but for its host")),
                        optional("headers", map(secret("its value"), "sent along, by name"), "{}"),
                        optional("timeout", duration("of one try", "100ms", "5m"), "10s"),
                        optional("retries", integer("further tries, further and further apart", 0, 100), "8")},
                       "an HTTP POST of the alert as JSON"))},
      "how somebody is told");
  return named(std::move(door), "door", "who is told of alerts, by name");
}

}  // namespace mesura::config
