console.log(__VERSION__)
