from privatune.systems.split.customer import main

main()
