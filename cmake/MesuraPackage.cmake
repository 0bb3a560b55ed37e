# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# `./dev package`: what `cmake --install` installs, as a Debian package whose dependencies dpkg-shlibdeps finds.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/copyright" CONTENT "Copyright 2026 the Mesura authors
License: Apache-2.0; its text is in /usr/share/common-licenses/Apache-2.0 on Debian systems.
")
install(FILES "${PROJECT_BINARY_DIR}/copyright" "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mesura)
set(CPACK_PACKAGE_VENDOR "the Mesura authors")
set(CPACK_PACKAGE_CONTACT "the Mesura authors <authors@mesura.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Zones are read at run time, by no library that dpkg-shlibdeps could see.
set(CPACK_DEBIAN_PACKAGE_DEPENDS tzdata)
# Loaded by name, so not found by dpkg-shlibdeps: `mesura discover` asks them what devices announce.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libavahi-client3, avahi-daemon")
set(CPACK_PACKAGE_DESCRIPTION "Reads energy meters through device plugins, whatever they speak, and stores their
measurements. One YAML file says which meters, and where their measurements go.")
# libav is large: what needs it is a package of its own.
if(MESURA_WITH_LIBAV)
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENTS_ALL Unspecified matroska)
  set(CPACK_COMPONENTS_GROUPING IGNORE)
  set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME mesura)
  set(CPACK_DEBIAN_UNSPECIFIED_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SUGGESTS "mesura-matroska, libavahi-client3, avahi-daemon")
  set(CPACK_COMPONENT_UNSPECIFIED_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
  set(CPACK_DEBIAN_MATROSKA_PACKAGE_NAME mesura-matroska)
  set(CPACK_DEBIAN_MATROSKA_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_MATROSKA_PACKAGE_DEPENDS "mesura (= ${PROJECT_VERSION})")
  set(CPACK_COMPONENT_MATROSKA_DESCRIPTION "Recordings of Mesura as WavPack in Matroska, through libav.")
endif()
include(CPack)
