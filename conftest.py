"""What all tests here share: nothing but the plugin's own fixtures, which the package registers."""
