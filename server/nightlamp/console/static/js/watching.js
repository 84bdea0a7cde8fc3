// What shows one patient: drawn again when something about that patient came, or a second passed; never because of a neighbour.
import { Component } from "./view.js";

export class Watching extends Component {
  componentDidMount() {
    this.unwatch = this.props.app.frames.watch(this.props.id, () => this.forceUpdate(), this.base);
  }

  componentWillUnmount() {
    this.unwatch();
  }

  shouldComponentUpdate() {
    return false;
  }
}
