"""The columns that every system reports for a trained model, so that their tables can be compared."""

COLUMNS = (
    "scenario seed round clients_per_round user_share ppl_general ppl_user ppl_average ppl_general_with_ends "
    "ppl_user_with_ends ppl_average_with_ends oov_general oov_user "
    "kss_general kss_user recall1_user recall3_user bits_up bits_down epsilon delta ppl_later persons_per_device"
).split()
