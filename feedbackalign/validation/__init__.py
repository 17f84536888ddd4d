"""Refuse bad arguments at the edge, in one sentence: which argument, what was expected, what came.

Every public entry of the package calls these before any work is done. They raise TypeError for the
wrong kind of thing and ValueError for the right kind with the wrong content.
"""

from feedbackalign.validation.arrays import (channels_first, fits, in_letters, require_finite, require_float_array,
                                             require_floats, require_labels, require_numbers, require_plain,
                                             require_reals)
from feedbackalign.validation.numbers import (require_bool, require_density, require_dtype, require_factor,
                                              require_integer, require_number, require_seed, require_step, store)
from feedbackalign.validation.things import (require_arrays, require_dict, require_entries, require_function,
                                             require_generator, require_instance, require_list, require_shape)
from feedbackalign.validation.words import (PLAIN, describe, is_plain, require_file, require_folder,
                                            require_known, require_path, require_text)

__all__ = ["PLAIN", "channels_first", "describe", "fits", "in_letters", "is_plain", "require_arrays", "require_bool",
           "require_density", "require_dict", "require_dtype", "require_entries", "require_factor", "require_file",
           "require_finite", "require_float_array", "require_floats", "require_folder", "require_function",
           "require_generator", "require_instance", "require_integer", "require_known", "require_labels",
           "require_list", "require_number", "require_numbers", "require_path", "require_plain", "require_reals",
           "require_seed", "require_shape", "require_step", "require_text", "store"]
