// Names, from the patterns of infra/resources.json, which Terraform reads as well.

@export()
@description('What is the same in all names of one deployment.')
type place = {
  @description('First word of all names. Some names are unique in the world: another one is needed where these are taken.')
  @minLength(2)
  @maxLength(8)
  workload: string
  @description('Short name of the region.')
  region: string
  env: 'dev' | 'staging' | 'prod'
}

@export()
@description('A name: the pattern, with the place and the part filled in.')
func named(pattern string, at place, part string) string =>
  replace(replace(replace(replace(replace(pattern, '{workload}', at.workload), '{region}', at.region), '{env}', at.env), '{app}', part), '{part}', part)
