"""Uploads model folders to the Hugging Face Hub."""

from pathlib import Path

from genlab.errors import InputError


def push_folder(folder: Path, name: str, private: bool) -> str:
    """Uploads every file of `folder` in one commit; creates the repository if it does not exist.

    Args:
        folder: A folder in the format of transformers.
        name: OWNER/NAME, or NAME in the account of the user who is logged in.
        private: Whether to make a new repository private.

    Returns:
        The URL of the repository.

    Raises:
        InputError: nobody is logged in, or the repository cannot be written, or the Hub cannot be reached.
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
        raise InputError(f"name: {name!r} is not a valid repository: give OWNER/NAME.", "name") from None
    except (LocalTokenNotFoundError, HfHubHTTPError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else 401
        if status in (401, 403):
            raise InputError(
                f"You may not write to {name}: log in with `hf auth login`, or set HF_TOKEN to a token with write "
                "access.",
                "name",
            ) from None
        raise InputError(f"The Hub rejected {name} ({status}): {str(error).splitlines()[0]}", "name") from None
    except (HTTPError, OSError):
        raise InputError(f"Cannot reach the Hub at {hub.endpoint}: check the network connection.", "name") from None
    return str(repository)
