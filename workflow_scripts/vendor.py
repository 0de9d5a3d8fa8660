from privatune.systems.split.vendor import main

main()
