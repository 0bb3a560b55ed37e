// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Avahi's client library, loaded when it is needed: a machine without it lacks nothing else of ours.
#include "doctor/mdns.hpp"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/simple-watch.h>
#include <avahi-common/strlst.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

namespace mesura::doctor {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// The functions of the library that we call.
struct Avahi {
  decltype(&::avahi_client_new) client_new = nullptr;
  decltype(&::avahi_client_free) client_free = nullptr;
  decltype(&::avahi_client_errno) client_errno = nullptr;
  decltype(&::avahi_service_browser_new) browser_new = nullptr;
  decltype(&::avahi_service_resolver_new) resolver_new = nullptr;
  decltype(&::avahi_service_resolver_free) resolver_free = nullptr;
  decltype(&::avahi_simple_poll_new) poll_new = nullptr;
  decltype(&::avahi_simple_poll_free) poll_free = nullptr;
  decltype(&::avahi_simple_poll_get) poll_get = nullptr;
  decltype(&::avahi_simple_poll_iterate) poll_iterate = nullptr;
  decltype(&::avahi_strerror) error_text = nullptr;
  decltype(&::avahi_address_snprint) address_text = nullptr;
  decltype(&::avahi_string_list_get_next) texts_next = nullptr;
  decltype(&::avahi_string_list_get_pair) texts_pair = nullptr;
  decltype(&::avahi_free) free = nullptr;
  std::string problem;

  static const Avahi& get() {
    static const Avahi loaded;
    return loaded;
  }

 private:
  Avahi() {
    // Never unloaded: it has threads' and D-Bus's leftovers.
    void* const common = ::dlopen("libavahi-common.so.3", RTLD_NOW | RTLD_LOCAL);
    void* const client = ::dlopen("libavahi-client.so.3", RTLD_NOW | RTLD_LOCAL);
    if (common == nullptr || client == nullptr) {
      problem = "libavahi-client is not installed (Debian: apt-get install libavahi-client3 avahi-daemon)";
      return;
    }
    take(client, "avahi_client_new", client_new);
    take(client, "avahi_client_free", client_free);
    take(client, "avahi_client_errno", client_errno);
    take(client, "avahi_service_browser_new", browser_new);
    take(client, "avahi_service_resolver_new", resolver_new);
    take(client, "avahi_service_resolver_free", resolver_free);
    take(common, "avahi_simple_poll_new", poll_new);
    take(common, "avahi_simple_poll_free", poll_free);
    take(common, "avahi_simple_poll_get", poll_get);
    take(common, "avahi_simple_poll_iterate", poll_iterate);
    take(common, "avahi_strerror", error_text);
    take(common, "avahi_address_snprint", address_text);
    take(common, "avahi_string_list_get_next", texts_next);
    take(common, "avahi_string_list_get_pair", texts_pair);
    take(common, "avahi_free", free);
  }

  template <class Function>
  void take(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (function == nullptr) problem = fmt::format("libavahi-client has no {}", name);
  }
};

class Browser {
 public:
  explicit Browser(const Avahi& avahi) : avahi_(avahi) {}
  ~Browser() {
    // Frees browsers and resolvers with it.
    if (client_ != nullptr) avahi_.client_free(client_);
    if (poll_ != nullptr) avahi_.poll_free(poll_);
  }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  Browsed run(const std::vector<std::string>& types, std::chrono::milliseconds patience) {
    poll_ = avahi_.poll_new();
    if (poll_ == nullptr) return {{}, "Avahi: out of memory"};
    int error = 0;
    client_ = avahi_.client_new(avahi_.poll_get(poll_), AvahiClientFlags{}, on_client, this, &error);
    if (client_ == nullptr) return {{}, std::string{"the Avahi daemon does not answer: "} + avahi_.error_text(error)};
    for (const auto& type : types)
      if (avahi_.browser_new(client_, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, type.c_str(), nullptr, AvahiLookupFlags{},
                             on_browse, this) == nullptr)
        return {{}, "Avahi can't look for " + type + ": " + avahi_.error_text(avahi_.client_errno(client_))};
    const auto until = SteadyClock::now() + patience;
    for (auto left = patience; left.count() > 0 && problem_.empty();
         left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()))
      if (avahi_.poll_iterate(poll_, static_cast<int>(left.count())) != 0) break;
    std::sort(services_.begin(), services_.end(),
              [](const Service& a, const Service& b) { return std::tie(a.type, a.name) < std::tie(b.type, b.name); });
    return {std::move(services_), std::move(problem_)};
  }

 private:
  static void on_client(AvahiClient* client, AvahiClientState state, void* self) {
    auto& browser = *static_cast<Browser*>(self);
    if (state == AVAHI_CLIENT_FAILURE)
      browser.problem_ =
          std::string{"the Avahi daemon went away: "} + browser.avahi_.error_text(browser.avahi_.client_errno(client));
  }

  static void on_browse(AvahiServiceBrowser* /*browser*/, AvahiIfIndex interface, AvahiProtocol protocol,
                        AvahiBrowserEvent event, const char* name, const char* type, const char* domain,
                        AvahiLookupResultFlags /*flags*/, void* self) {
    auto& browser = *static_cast<Browser*>(self);
    if (event != AVAHI_BROWSER_NEW) return;
    // IPv4 addresses, which all these devices have; asked over whichever protocol the announcement came.
    (void)browser.avahi_.resolver_new(browser.client_, interface, protocol, name, type, domain, AVAHI_PROTO_INET,
                                      AvahiLookupFlags{}, on_resolve, self);
  }

  static void on_resolve(AvahiServiceResolver* resolver, AvahiIfIndex /*interface*/, AvahiProtocol /*protocol*/,
                         AvahiResolverEvent event, const char* name, const char* type, const char* /*domain*/,
                         const char* host, const AvahiAddress* address, std::uint16_t port, AvahiStringList* texts,
                         AvahiLookupResultFlags /*flags*/, void* self) {
    auto& browser = *static_cast<Browser*>(self);
    if (event == AVAHI_RESOLVER_FOUND && host != nullptr && address != nullptr)
      browser.add(name, type, host, *address, port, texts);
    browser.avahi_.resolver_free(resolver);
  }

  void add(const char* name, const char* type, const char* host, const AvahiAddress& address, std::uint16_t port,
           AvahiStringList* texts) {
    // Once for each interface and protocol, otherwise.
    for (const auto& known : services_)
      if (known.type == type && known.name == name) return;
    std::array<char, AVAHI_ADDRESS_STR_MAX> text{};
    avahi_.address_text(text.data(), text.size(), &address);
    Service service{name, type, host, text.data(), port, {}};
    for (auto* one = texts; one != nullptr; one = avahi_.texts_next(one)) {
      char* key = nullptr;
      char* value = nullptr;
      if (avahi_.texts_pair(one, &key, &value, nullptr) != 0) continue;
      service.texts.emplace(key, value == nullptr ? "" : value);
      avahi_.free(key);
      avahi_.free(value);
    }
    services_.push_back(std::move(service));
  }

  const Avahi& avahi_;
  AvahiSimplePoll* poll_ = nullptr;
  AvahiClient* client_ = nullptr;
  std::vector<Service> services_;
  std::string problem_;
};

}  // namespace

Browsed browse(const std::vector<std::string>& types, std::chrono::milliseconds patience) {
  const Avahi& avahi = Avahi::get();
  if (!avahi.problem.empty()) return {{}, avahi.problem};
  return Browser{avahi}.run(types, patience);
}

}  // namespace mesura::doctor
