"""clone URL DIR | clone-branch URL DIR BRANCH | fetch URL DIR: with libgit2, which many programs have in place of git."""
import sys
import pygit2

command, url, directory, *more = sys.argv[1:]
if command == "clone":
    pygit2.clone_repository(url, directory, bare=True)
elif command == "clone-branch":
    repository = pygit2.init_repository(directory, bare=True)
    repository.remotes.create("origin", url).fetch([f"+refs/heads/{more[0]}:refs/remotes/origin/{more[0]}"])
else:
    pygit2.Repository(directory).remotes["origin"].fetch(["+refs/heads/*:refs/remotes/origin/*"])
