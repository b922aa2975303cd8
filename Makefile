# `make` alone tells what there is.

.DEFAULT_GOAL := help
.PHONY: help demo test explore simulate mutants crash fuzz bench dist

help: ## tell what can be made
	@sed -n 's/^\([a-z]*\): ## /  make \1\t/p' Makefile | expand -t 16

demo: ## set this machine up, build, and make a narrated film in out/
	@scripts/setup.sh run
	@scripts/demo.sh

test: ## set this machine up and run everything that must be green
	@scripts/setup.sh test
	@scripts/test.sh

explore: ## draw anew for each property of the tests, ROUNDS=n times, by seeds from FIRST=n on
	@scripts/explore.sh "$(or $(ROUNDS),10)" "$(or $(FIRST),2)"

simulate: ## play SEEDS=n stories of faults and crashes, from FIRST=n on
	@scripts/simulate.sh "$(or $(SEEDS),1000)" "$(or $(FIRST),0)"

mutants: ## plant each bug of mutants/, or MUTANTS="names", and find it within SEEDS=n stories
	@scripts/mutants.sh "$(or $(SEEDS),10000)" $(MUTANTS)

crash: ## kill the processes of mixed runs KILLS=n times, by SEED=n
	@scripts/crash.sh "$(or $(KILLS),500)" "$(or $(SEED),1)"

fuzz: ## give each reader of foreign bytes SECONDS=n of hostile ones
	@scripts/fuzz.sh "$(or $(SECONDS),60)"

bench: ## measure; one table, a few minutes on an idle machine
	@scripts/setup.sh run
	cargo build --release --locked --package motet-cli
	cargo run --release --locked --package motet-bench

dist: ## pack a binary for other machines of this kind, with pages, examples and completions
	@scripts/dist.sh
