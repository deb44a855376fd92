# make demo: train on the Bible for a minute and read what the model writes
# make demo-images: train on digits and drawn faces for some minutes and look at what the models make
# make demo-restyle: train on drawn faces for some minutes and change the hair colour of new ones
# make demo-music: train on Bach's chorales for five minutes and listen to new ones
# make test: the whole check; make install: everything that a developer needs, in .venv

PYTHON ?= python3
PIP := .venv/bin/pip --disable-pip-version-check
GENLAB := .venv/bin/genlab
DEMO := runs/demo

.PHONY: demo demo-images demo-restyle demo-music test install clean

demo: .venv/.demo
	@rm -rf $(DEMO)
	$(GENLAB) train text @bible --minutes 1 --out $(DEMO)
	@echo
	$(GENLAB) evaluate $(DEMO)
	@echo
	$(GENLAB) generate $(DEMO) --prompt "In the beginning" --tokens 60 --n 3
	@echo
	@echo "Now you: $(GENLAB) train text YOUR.txt --minutes 10"
	@echo "         $(GENLAB) generate runs/text-YOUR-001 --prompt \"Once upon a time\""
	@echo "What it wrote in training and its model card are in $(DEMO); the code is genlab/tasks/text/gpt.py."

demo-images: .venv/.pictures
	@rm -rf runs/digits runs/faces
	$(GENLAB) train images @digits --minutes 1 --out runs/digits
	@echo
	$(GENLAB) generate runs/digits --grid digits.png
	$(GENLAB) generate runs/digits --class 3 --n 16 --grid threes.png
	@echo
	$(GENLAB) train images @faces:4000 --minutes 3 --out runs/faces
	@echo
	$(GENLAB) generate runs/faces --grid faces.png
	$(GENLAB) generate runs/faces --walk 8 --to film
	@echo
	@echo "Look at digits.png, threes.png, faces.png and film/generated-000.gif."
	@echo "Now you: $(GENLAB) train images YOUR_FOLDER --minutes 10"

demo-restyle: .venv/.pictures
	@rm -rf runs/restyle runs/people
	$(GENLAB) train restyle @faces:4000 --attribute hair --minutes 3.5 --out runs/restyle
	@echo
	$(GENLAB) samples @faces:4016 --to runs/people
	$(GENLAB) generate runs/restyle runs/people/0040*.png --set hair=blond --grid blond.png
	$(GENLAB) generate runs/restyle runs/people/0040*.png --set hair=black --grid black.png --to black
	@echo
	@echo "Look at blond.png and black.png (16 faces that training did not use: before, after, difference), and at black/."
	@echo "Now you: $(GENLAB) train restyle YOUR_FOLDER --attribute COLUMN --minutes 10"
	@echo "         $(GENLAB) train restyle FOLDER_A FOLDER_B --minutes 10"

demo-music: .venv/.music
	@rm -rf runs/chorales
	$(GENLAB) train music @chorales --minutes 5 --out runs/chorales
	@echo
	$(GENLAB) generate runs/chorales --n 4 --bars 16 --instruments choir --to music
	@echo
	@echo "Listen to music/music-000.wav and the others, look at music/music-000.png, and open music/music-000.mid."
	@echo "Now you: $(GENLAB) train music YOUR_FOLDER --minutes 10"

test: .venv/.dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -n 2 --dist worksteal

install: .venv/.dev

clean:
	rm -rf .venv runs

.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) install --quiet --progress-bar on --constraint constraints.txt --editable ".[text]"
	@touch $@

.venv/.pictures: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) install --quiet --progress-bar on --constraint constraints.txt --editable ".[text,pictures]"
	@touch $@ .venv/.demo

.venv/.music: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) install --quiet --progress-bar on --constraint constraints.txt --editable ".[music]"
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@ .venv/.demo .venv/.pictures .venv/.music
