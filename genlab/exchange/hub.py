"""Folders of models to repositories on Hugging Face's hub."""

from pathlib import Path

from genlab.errors import InputError


def push_folder(folder: Path, name: str, private: bool) -> str:
    """Uploads every file of `folder` in one commit, to a repository that is made if it is not there.

    Args:
        folder: As transformers reads it.
        name: OWNER/NAME, or NAME for a repository of the user who is logged in.
        private: Whether only its owner shall see a new repository.

    Returns:
        The address of the repository.

    Raises:
        InputError: nobody is logged in, the repository cannot be written, or the hub not be reached.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, LocalTokenNotFoundError
    except ImportError:
        raise InputError("Pushing needs huggingface_hub: pip install 'genlab[export]'.", "name") from None
    hub = HfApi()
    try:
        repository = hub.create_repo(name, private=private, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=repository.repo_id, commit_message="Upload from genlab")
    except HFValidationError:
        raise InputError(f"name: {name!r} cannot be a repository: give OWNER/NAME.", "name") from None
    except (LocalTokenNotFoundError, HfHubHTTPError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else 401
        if status in (401, 403):
            raise InputError(
                f"The hub does not let you write {name}: log in with `hf auth login`, or set HF_TOKEN to a token that "
                "may write.",
                "name",
            ) from None
        raise InputError(f"The hub refused {name} ({status}): {str(error).splitlines()[0]}", "name") from None
    except (HTTPError, OSError):
        raise InputError(f"The hub cannot be reached at {hub.endpoint}: is there a network?", "name") from None
    return str(repository)
