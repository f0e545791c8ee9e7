# The objects that are compiled for AVX2 and the like have no code that runs before the plugin's init could refuse the
# processor: OBJDUMP, and LIBRARY, the archive of these objects.
execute_process(COMMAND ${OBJDUMP} -h ${LIBRARY} OUTPUT_VARIABLE sections RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT sections MATCHES "\\.text")
  message(FATAL_ERROR "${OBJDUMP} cannot read ${LIBRARY}")
endif()
string(REGEX MATCHALL "[^\n]*\\.(init_array|ctors|preinit_array)[^\n]*" early "${sections}")
if(early)
  message(FATAL_ERROR "static initialisers in ${LIBRARY}:\n${early}")
endif()
