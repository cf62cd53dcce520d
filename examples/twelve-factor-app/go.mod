module example.com/twelve-factor-app

go 1.26.0
