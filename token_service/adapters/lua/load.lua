-- Look.
-- returns  the view; verdict: found
return view('found')
