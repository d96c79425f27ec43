import { didYouMean } from '../../app/suggest.ts'
import { withExamples } from '../examples.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    command,
    ['completion bash > ~/.local/share/bash-completion/completions/roster', 'bash'],
    ['completion zsh > ~/.zfunc/_roster', 'zsh'],
    ['completion fish > ~/.config/fish/completions/roster.fish', 'fish'],
    ['completion powershell >> $PROFILE', 'PowerShell'],
  )
    .argument('<shell>', 'bash, zsh, fish, powershell')
    .action((shell: string) => {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
      if (script === undefined)
        throw new UsageError(
          `there is no completion for ${JSON.stringify(shell)}${didYouMean(shell, Object.keys(SCRIPTS)) || `; there are ${Object.keys(SCRIPTS).join(', ')}`}`,
        )
      io.out(script)
    })
}

/** Each asks `roster __complete` for what may stand at the last word, and takes files where it says nothing. */
const SCRIPTS: Record<string, string> = {
  bash: `# bash completion of roster
_roster() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}") line="\${COMP_LINE:0:COMP_POINT}" current
  current="\${line##* }"
  [ \${#words[@]} -gt 0 ] && words[\${#words[@]}-1]="$current"
  mapfile -t COMPREPLY < <(roster __complete "\${words[@]}" 2>/dev/null)
  # Bash breaks words at = and :, and takes only what follows the last of them.
  local broken="\${current%"\${current##*[=:]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$broken"}")
}
complete -o default -F _roster roster
`,
  zsh: `#compdef roster
_roster() {
  local -a found
  found=("\${(@f)$(roster __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
if [ "\${funcstack[1]}" = "_roster" ]; then _roster "$@"; else compdef _roster roster; fi
`,
  fish: `# fish completion of roster
function __roster_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (roster __complete $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c roster -f -a '(__roster_complete)'
`,
  powershell: `# PowerShell completion of roster
Register-ArgumentCompleter -Native -CommandName roster -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($wordToComplete -eq '') { $words += '' }
  roster __complete @words 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`,
}
