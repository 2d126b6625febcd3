"""clone URL DIR | clone-branch URL DIR BRANCH | fetch URL DIR: with Dulwich, which has a fetch of its own."""
import sys
from dulwich import porcelain
from dulwich.repo import Repo

command, url, directory, *more = sys.argv[1:]
quiet = porcelain.NoneStream()
if command == "clone":
    porcelain.clone(url, directory, bare=True, errstream=quiet)
elif command == "clone-branch":
    porcelain.clone(url, directory, bare=True, branch=more[0].encode(), depth=1, errstream=quiet)
else:
    porcelain.fetch(Repo(directory), url, errstream=quiet, outstream=quiet)
