// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/module.hpp"

#include <mesura/sink.hpp>

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>

namespace mesura::sinks::recording {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "mesura-matroska.so";

fs::path find_module() {
  if (const char* directory = std::getenv("MESURA_MODULE_PATH"); directory != nullptr && *directory != '\0') {
    return fs::path{directory} / kFile;
  }
  std::error_code error;
  if (const auto program = fs::read_symlink("/proc/self/exe", error); !error) {
    auto beside = program.parent_path().parent_path() / MESURA_MODULE_DIR / kFile;
    if (fs::exists(beside, error)) return beside;
  }
  return fs::path{MESURA_INSTALL_PREFIX} / MESURA_MODULE_DIR / kFile;
}

[[noreturn]] void refuse(const fs::path& file, const std::string& got, const char* hint) {
  throw SinkError(fmt::format("sink-module: `format: mkv` needs {}\n  expected  {}\n  got       {}\n  hint      {}",
                              kFile, file.string(), got, hint));
}

const mesura_matroska_module* load() {
  const fs::path file = find_module();
  std::error_code error;
  if (!fs::exists(file, error)) {
    refuse(file, "no such file",
           MESURA_WITH_LIBAV
               ? "install the package mesura-matroska, or write `format: plain`"
               : "this Mesura was built without libav (MESURA_WITH_LIBAV=OFF): build it with libavformat-dev and "
                 "libavcodec-dev, or write `format: plain`");
  }
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    refuse(file, reason != nullptr ? reason : "a file that can't be loaded",
           "install the packages of libavformat and libavcodec for which mesura-matroska was built");
  }
  const auto query = reinterpret_cast<mesura_matroska_query_fn>(::dlsym(library, MESURA_MATROSKA_QUERY));
  const mesura_matroska_module* module = query != nullptr ? query(MESURA_MATROSKA_VERSION) : nullptr;
  if (module == nullptr || module->struct_size < sizeof *module) {
    refuse(file, "a module of another version", "install mesura and mesura-matroska of one version");
  }
  return module;
}

}  // namespace

const mesura_matroska_module& matroska_module() {
  static std::mutex mutex;
  static const mesura_matroska_module* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) loaded = load();
  return *loaded;
}

}  // namespace mesura::sinks::recording
