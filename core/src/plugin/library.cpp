// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/library.hpp"

#include "config/text.hpp"

#include <mesura/plugin.hpp>

#include <fmt/format.h>

#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace mesura::plugin {
namespace {

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text{
      ::abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free};
  return status == 0 && text ? std::string{text.get()} : symbol;
}

/// What glibc's dlerror() says, sorted by what can be done about it.
Refusal load_refusal(const std::filesystem::path& file, std::string_view error) {
  if (const auto prefix = file.string() + ": "; error.substr(0, prefix.size()) == prefix)
    error.remove_prefix(prefix.size());

  constexpr std::string_view kUndefined = "undefined symbol: ";
  if (const auto at = error.find(kUndefined); at != std::string_view::npos) {
    auto symbol = error.substr(at + kUndefined.size());
    symbol = symbol.substr(0, symbol.find_first_of(", \t"));
    return {"plg-symbol", fmt::format("undefined symbol '{}'", demangled(std::string{symbol})),
            "link the plugin with the library that has it (-Wl,-z,defs finds this at build time)"};
  }
  constexpr std::string_view kMissing = ": cannot open shared object file";
  if (const auto at = error.find(kMissing); at != std::string_view::npos)
    return {"plg-dependency", fmt::format("needs library '{}', which is not installed", error.substr(0, at)),
            "install the package that has the library, or remove the plugin"};
  if (error.find("' not found (required by") != std::string_view::npos)
    return {"plg-dependency", std::string{error}, "it was built on a newer system: rebuild the plugin on this one"};
  return {"plg-load", std::string{error}, "install the plugin again, or remove the file"};
}

Refusal threw(std::string_view what) {
  return {"plg-query-threw", fmt::format("{} threw {}; expected a descriptor", MESURA_PLUGIN_QUERY_SYMBOL, what),
          "tell the plugin's author: no exception may leave a plugin"};
}

}  // namespace

std::variant<const mesura_plugin*, Refusal> open_library(const std::filesystem::path& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = ::dlerror();
    return load_refusal(file, error != nullptr ? error : "unknown reason");
  }
  void* symbol = ::dlsym(library, MESURA_PLUGIN_QUERY_SYMBOL);
  if (symbol == nullptr)
    return Refusal{"plg-no-query", fmt::format("a library, but not a plugin: it lacks {}", MESURA_PLUGIN_QUERY_SYMBOL),
                   "remove it from the plugin directory; a plugin exports the symbol by MESURA_PLUGIN(...)"};

  const auto query = reinterpret_cast<mesura_plugin_query_fn>(symbol);
  const mesura_host_info host{sizeof host, MESURA_ABI_MAJOR, MESURA_ABI_MINOR, abi::str(MESURA_VERSION)};
  mesura_error error{};
  error.struct_size = sizeof error;
  const mesura_plugin* plugin = nullptr;
  try {
    plugin = query(&host, &error);
  } catch (const std::exception& e) {
    const char* what = e.what();
    return threw(config::quote(what != nullptr ? what : ""));
  } catch (...) {
    return threw("an unknown exception");
  }
  if (plugin == nullptr) {
    const std::string_view text{error.message, std::min<std::size_t>(error.size, sizeof error.message)};
    return Refusal{"plg-query-failed",
                   text.empty() ? "the plugin refuses to start and gives no reason"
                                : fmt::format("the plugin refuses to start: {}", config::quote(text)),
                   "see the plugin's guide for what it needs"};
  }
  return plugin;
}

}  // namespace mesura::plugin
