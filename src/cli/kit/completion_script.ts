/** Scripts that teach a shell to ask `PROGRAM __complete WORD...`; see `complete.ts` for the answer's form. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The text that a user sources: `source <(varve completion bash)`. `program` is the command's name. */
export function completionScript(shell: Shell, program: string): string {
  const name = program.replaceAll(/[^A-Za-z0-9_]/g, "_");
  return scripts[shell].replaceAll("@PROGRAM@", program).replaceAll("@NAME@", name);
}

/*
 * bash cuts words at ":" and "=" (COMP_WORDBREAKS), which would tear `alpine:3.20` apart. So the words are taken from
 * the line itself, and what bash holds for finished is cut off the candidates.
 */
const bash = `# bash completion for @PROGRAM@:  source <(@PROGRAM@ completion bash)
_@NAME@_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() current answer candidate kept
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  kept=\${current%"\${current##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r answer; do
    case $answer in
      :files) compopt -o default 2>/dev/null; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "\${current#"$kept"}") ;;
      :directories) compopt -o dirnames 2>/dev/null; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "\${current#"$kept"}") ;;
      *) candidate=\${answer%%$'\\t'*}; COMPREPLY+=("\${candidate#"$kept"}") ;;
    esac
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
}
complete -F _@NAME@_complete @PROGRAM@
`;

const zsh = `#compdef @PROGRAM@
# zsh completion for @PROGRAM@:  source <(@PROGRAM@ completion zsh)
_@NAME@() {
  local answer paths=
  local -a answers candidates
  answers=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for answer in $answers; do
    case $answer in
      '') ;;
      :files) paths=files ;;
      :directories) paths=directories ;;
      *$'\\t'*) candidates+=("\${\${answer%%$'\\t'*}//:/\\\\:}:\${answer#*$'\\t'}") ;;
      *) candidates+=("\${answer//:/\\\\:}") ;;
    esac
  done
  (( $#candidates )) && _describe @PROGRAM@ candidates
  [[ $paths == files ]] && _files
  [[ $paths == directories ]] && _files -/
  return 0
}
(( $+functions[compdef] )) && compdef _@NAME@ @PROGRAM@
[[ $funcstack[1] == _@NAME@ ]] && _@NAME@ "$@"
`;

const fish = `# fish completion for @PROGRAM@:  @PROGRAM@ completion fish | source
function __@NAME@_complete
    set -l words (commandline -opc) (commandline -ct)
    for answer in ($words[1] __complete $words[2..-1] 2>/dev/null)
        switch $answer
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':directories'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $answer
        end
    end
end
complete -c @PROGRAM@ -f -a '(__@NAME@_complete)'
`;

const scripts: Record<Shell, string> = { bash, zsh, fish };
